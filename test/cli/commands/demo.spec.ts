import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeCli } from '../fake-cli.ts'

/** Runs the demo with a program that stands in for kith. What it shows when all is well, test/e2e tries for real. */
describe('kith demo', () => {
  let cli: FakeCli
  let folder: string
  let temporary: string | undefined

  beforeEach(async () => {
    cli = new FakeCli()
    folder = await mkdtemp(join(tmpdir(), 'kith-demo-spec-'))
    temporary = process.env['TMPDIR']
    process.env['TMPDIR'] = folder
  })

  afterEach(async () => {
    if (temporary === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = temporary
    await rm(folder, { recursive: true })
  })

  async function standIn(source: string): Promise<void> {
    const path = join(folder, 'stand-in.mjs')
    await writeFile(path, source)
    cli.program.splice(0, 2, process.execPath, path)
  }

  it('fails at the first step that does not hold, and leaves nothing behind', async () => {
    await standIn(`process.stderr.write('kith: the disk is full'); process.exitCode = 1`)
    assert.equal(await cli.kith('demo'), 1)
    assert.match(cli.stdout.text, /✗ \w+: kith init .* ended with 1: kith: the disk is full\n$/)
    assert.deepEqual(await readdir(folder), ['stand-in.mjs'])
  })

  it('believes no output that is not what it has to be', async () => {
    await standIn(`console.log('{"id":"kith1same"}')`)
    assert.equal(await cli.kith('demo', '--json'), 1)
    const [step] = cli.stdout.json as { step: string; ok: boolean; says: string }[]
    assert.deepEqual([step?.step, step?.ok, step?.says], ['init', false, 'two nodes have one id'])
  })

  it('gives each of them a home of its own, and none of our settings', async () => {
    cli.env['KITH_AGENT_PARALLEL'] = '1'
    await standIn(`
      const kith = Object.keys(process.env).filter((name) => name.startsWith('KITH_')).sort()
      process.stderr.write(kith.join() + ' ' + process.env.KITH_HOME)
      process.exitCode = 1`)
    await cli.kith('demo')
    assert.match(
      cli.stdout.text,
      /: KITH_HOME,KITH_LOBBY_PER_ADDRESS_PER_MINUTE \S*kith-demo-\w+\/(alice|bob|mallory)\n$/,
    )
  })

  it('ends what it started at Ctrl-C', async () => {
    await standIn(`
      process.on('SIGTERM', () => undefined)
      setInterval(() => undefined, 1_000)`)
    setImmediate(() => {
      cli.interrupt()
    })
    assert.equal(await cli.kith('demo'), 130)
    assert.deepEqual(await readdir(folder), ['stand-in.mjs'])
  })
})
