/*
 * The doctor, the checklist and the smoke test as their users have them: processes, files and sockets.
 */
import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeBackupKey } from '../../src/node/backup/backup-keys.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith } from '../helpers/run-kith.ts'

interface Finding {
  check: string
  state: string
  what: string
  hint?: string
}

interface Report {
  state: string
  running: boolean
  counts: Record<string, number>
  findings: Finding[]
  unchecked: string[]
  plan?: { what: string }[]
  fixed?: { what: string }[]
}

describe('kith doctor and a home', function () {
  this.timeout(120_000)
  const make = liveNodes()
  /** Of most tests, in their order. */
  let node: LiveNode

  before(async () => {
    node = await make('node')
  })

  async function doctor(node: LiveNode, ...args: string[]): Promise<Report & { code: number }> {
    const { code, err, out } = await kith(node, 'doctor', '--json', ...args)
    assert.notEqual(out, '', err)
    return { code, ...(JSON.parse(out) as Report) }
  }

  async function versions(): Promise<unknown> {
    const { code, err, out } = await kith(node, 'migrations', 'status', '--json')
    assert.equal(code, 0, err)
    return (JSON.parse(out) as { what: string; current?: number; wanted: number }[]).map(
      ({ current, wanted, what }) => [what, current, wanted],
    )
  }

  const files = [
    ['config.yaml', 1, 1],
    ['peers.yaml', undefined, 1],
    ['jobs.yaml', undefined, 1],
  ]

  it('F58: looks at the files of a node that does not run, says so, and exits with 6', async () => {
    const report = await doctor(node)
    assert.deepEqual([report.code, report.running, report.state], [6, false, 'ok'])
    assert.ok(report.unchecked.includes('peers'))
    const { err, out } = await kith(node, 'doctor')
    assert.match(out, /unchecked +the rest +wants a running node: .*peers/)
    assert.match(err, /no node runs in .*: this is what its files say/)
    assert.equal((await kith(node, 'doctor', '--offline')).code, 0)
  })

  it('F58: says what to do where there is no node at all', async () => {
    const { code, err } = await kith(node, '--home', `${node.home.path}.none`, 'doctor')
    assert.equal(code, 1)
    assert.match(err, /there is no node in .*\ntry: kith .*init/)
  })

  it('F33: kith migrations status tells the versions before the first start and of a node that runs', async () => {
    assert.deepEqual(await versions(), [['store', undefined, 1], ...files])
    await node.start()
    assert.deepEqual(await versions(), [['store', 1, 1], ...files])
  })

  it('F58: off-line beside a node that runs, leaves its store alone', async () => {
    const report = await doctor(node, '--offline')
    assert.deepEqual([report.code, report.running], [0, true])
    assert.ok(report.unchecked.includes('store'))
  })

  it('F59: --fix-safe works while the node runs, and takes nothing that is in use', async () => {
    const drill = `${node.home.path}.drill-0123456789abcdef`
    await mkdir(drill)
    await chmod(join(node.home.path, 'config.yaml'), 0o622)
    const done = await doctor(node, '--fix-safe')
    assert.deepEqual([done.running, done.fixed?.length], [true, 1])
    assert.ok((await stat(drill)).isDirectory())
    await rmdir(drill)
    assert.ok((await stat(node.home.socket)).isSocket())
  })

  it('F33: kith migrations status tells the versions of a node that has stopped, and of a file that is newer', async () => {
    await node.stop()
    assert.deepEqual(await versions(), [['store', 1, 1], ...files])
    await writeFile(node.home.jobs, 'version: 7\njobs: []\n', { mode: 0o600 })
    const later = await kith(node, 'migrations', 'status')
    assert.equal(later.code, 1)
    assert.match(later.err, /jobs\.yaml has version 7; this kith knows up to 1/)
    await rm(node.home.jobs)
  })

  it('F58: off-line, changes nothing in the home, and finds what is wrong with its files', async () => {
    const before = await pictureOf(node.home.path)
    const well = await doctor(node, '--offline')
    assert.equal(well.state, 'ok', JSON.stringify(well.findings))
    assert.deepEqual(await pictureOf(node.home.path), before)
    assert.deepEqual(
      (await readdir(dirname(node.home.path))).filter((name) => name.startsWith('node.')),
      [],
    )
    await writeFile(node.home.peers, 'version: 2\npeers: []\n', { mode: 0o600 })
    await writeFile(node.home.jobs, 'version: 1\njobs: 3\n', { mode: 0o600 })
    const bad = await doctor(node, '--offline')
    const failed = bad.findings.filter(({ state }) => state === 'fail')
    assert.equal(bad.code, 1)
    assert.deepEqual(
      failed.map(({ check }) => check),
      ['peers-file', 'jobs'],
    )
    assert.match(failed[0]?.what ?? '', /version: this kith knows version 1/)
  })

  it('F59: --fix-safe plans loose modes and a stale socket, does both, and has no plan then', async () => {
    const node = await make('loose')
    await node.start()
    await node.kill()
    const key = join(node.home.path, 'keys', (await readdir(join(node.home.path, 'keys')))[0] ?? '')
    await chmod(key, 0o644)
    await chmod(node.home.path, 0o755)
    const planned = await doctor(node, '--fix-safe', '--dry-run')
    const wanted = [
      `chmod 700 ${node.home.path}`,
      `chmod 600 ${key}`,
      `remove ${node.home.socket}, on which nobody listens`,
    ]
    assert.deepEqual([planned.plan?.map(({ what }) => what), planned.fixed], [wanted, []])
    assert.equal((await stat(key)).mode & 0o777, 0o644)
    const done = await doctor(node, '--fix-safe', '--offline')
    assert.deepEqual([done.code, done.state, done.fixed?.length], [0, 'ok', 3])
    assert.equal((await stat(key)).mode & 0o777, 0o600)
    const again = await doctor(node, '--fix-safe')
    assert.deepEqual([again.plan, again.fixed], [[], []])
  })

  it('G11: kith recover --check names each missing step after a restore, then all pass', async () => {
    const [alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob, { allow: ['ping', 'ask'] })
    await bob.pin(alice, { allow: ['ping', 'ask'], addresses: [] })
    await alice.start()
    const backups = `${alice.home.path}.backups`
    await mkdir(backups, { mode: 0o700 })
    const identity = `${alice.home.path}.identity`
    const recipient = await makeBackupKey(identity, Date.now())
    const args = ['--to', backups, '--recipient', recipient, '--json']
    const made = await kith(alice, 'backup', 'create', ...args)
    const { file } = JSON.parse(made.out) as { file: string }
    await alice.kill()

    const lost = await kith(
      alice,
      '--home',
      `${alice.home.path}.new`,
      'recover',
      '--check',
      '--json',
    )
    assert.equal(lost.code, 6)
    assert.match(stepsOf(lost.out)['home']?.hint ?? '', /kith (init|restore)/)

    const restored = await kith(alice, 'restore', file, '--force', '--identity', identity)
    assert.equal(restored.code, 0, restored.err)
    const check = async (): Promise<{ code: number; steps: Record<string, Finding> }> => {
      const { code, out } = await kith(alice, 'recover', '--check', '--json')
      return { code, steps: stepsOf(out) }
    }
    const first = await check()
    assert.equal(first.code, 6)
    for (const step of ['program', 'home', 'identity', 'merge']) {
      assert.equal(first.steps[step]?.state, 'ok', JSON.stringify(first.steps[step]))
    }
    assert.deepEqual(
      [first.steps['daemon']?.state, first.steps['daemon']?.hint],
      ['fail', 'kith start'],
    )
    assert.equal(first.steps['peers']?.state, 'unchecked')

    await alice.start()
    const second = await check()
    assert.deepEqual(
      [second.steps['peers']?.state, second.steps['local-turn']?.state],
      ['warn', 'ok'],
    )
    assert.match(second.steps['peers']?.hint ?? '', /^kith ping bob/)
    assert.match(second.steps['backups']?.hint ?? '', /^kith jobs add nightly-backup --backup/)
    assert.equal(second.code, 7)

    await bob.start()
    await alice.client.call('ping', { name: 'bob' })
    const add = second.steps['backups']?.hint?.split(' ').slice(1) ?? []
    assert.equal((await kith(alice, ...add)).code, 0)
    const third = await eventually(async () => {
      const last = await check()
      assert.deepEqual(
        Object.values(last.steps).filter(({ state }) => state === 'fail' || state === 'unchecked'),
        [],
      )
      assert.equal(last.steps['peers']?.state, 'ok', JSON.stringify(last.steps['peers']))
      return last
    })
    assert.equal(third.steps['peer-turn']?.what, 'bob answers')
    assert.deepEqual(
      [third.code, third.steps['backups']?.state],
      [0, 'ok'],
      JSON.stringify(third.steps),
    )
    await Promise.all([alice.kill(), bob.kill()])
  })
})

/** The steps in what `kith recover --check --json` has printed, by their names. */
function stepsOf(out: string): Record<string, Finding> {
  const { steps } = JSON.parse(out) as { steps: Finding[] }
  return Object.fromEntries(steps.map((step) => [step.check, step]))
}

/** Every file of a folder with what is in it and when it was changed. */
async function pictureOf(folder: string): Promise<Record<string, string>> {
  const picture: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const { mode, mtimeMs } = await stat(path)
    picture[path] = `${mode} ${mtimeMs} ${(await readFile(path)).toString('base64').slice(0, 64)}`
  }
  return picture
}
