import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { applyFixes, planFixes } from '../../src/node/fix-safe.ts'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { createIdentity } from '../../src/node/identity.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const HOUR_MS = 3_600_000

describe('safe fixes', () => {
  const folder = tempFolder()
  let home: Home
  const later = (): number => Date.now() + HOUR_MS

  beforeEach(async () => {
    home = homeOf({ KITH_HOME: join(folder(), 'home') }, undefined)
    await createIdentity(home.path, { clear: true }, Date.now())
  })

  it('F59: there are none in a home as it is made', async () => {
    assert.deepEqual(await planFixes(home, later()), [])
  })

  it('F59: a mode can be taken back by the command that the plan has', async () => {
    const config = join(home.path, 'config.yaml')
    await writeFile(config, 'version: 1\n')
    execFileSync('chmod', ['666', config])
    const plan = await planFixes(home, later())
    assert.deepEqual(
      plan.map(({ undo, what }) => [what, undo]),
      [[`chmod 644 ${config}`, `chmod 666 ${config}`]],
    )
    await applyFixes(home, later(), plan)
    assert.equal((await stat(config)).mode & 0o777, 0o644)
    const [program = '', ...args] = plan[0]?.undo?.split(' ') ?? []
    execFileSync(program, args)
    assert.equal((await stat(config)).mode & 0o777, 0o666)
  })

  it('F59: what has changed since the plan is left alone: a socket on which somebody listens by now', async () => {
    await leaveSocket(home.socket)
    const plan = await planFixes(home, later())
    assert.deepEqual(
      plan.map(({ check }) => check),
      ['control-socket'],
    )
    await unlink(home.socket)
    const server = createServer().listen(home.socket)
    await once(server, 'listening')
    await chmod(home.socket, 0o600)
    assert.deepEqual(await applyFixes(home, later(), plan), [])
    assert.ok((await lstat(home.socket)).isSocket())
    server.close()
  })

  it('F59: half a key is overwritten, and not where its bytes are those of a key', async () => {
    const keys = join(home.path, 'keys')
    const [key = ''] = await readdir(keys)
    const content = await readFile(join(keys, key), 'utf8')
    const [half, twin] = [`.${key}.0123456789abcdef`, `.${key}.fedcba9876543210`]
    await writeFile(join(keys, half), 'half a key', { mode: 0o600 })
    const outside = join(folder(), 'outside')
    await link(join(keys, half), outside)
    await link(join(keys, key), join(keys, twin))
    // Another name keeps it from being overwritten, here as there.
    await unlink(outside)
    const plan = await planFixes(home, later())
    await applyFixes(home, later(), plan)
    assert.deepEqual(
      (await readdir(keys)).filter((name) => name.startsWith('.')),
      [],
    )
    assert.equal(await readFile(join(keys, key), 'utf8'), content)
  })

  it('F59: never takes a home or a store that is kept, nor what a link leads to', async () => {
    const [before, old] = [`${home.path}.before-20260101T000000Z`, `${home.store}.format-1`]
    await mkdir(before)
    await mkdir(old, { mode: 0o700 })
    const elsewhere = join(folder(), 'elsewhere')
    await writeFile(elsewhere, 'not ours', { mode: 0o666 })
    await symlink(elsewhere, join(home.path, 'link'))
    assert.deepEqual(await planFixes(home, Date.now() + 1_000 * 24 * HOUR_MS), [])
  })
})

/** What a process that is killed leaves of a socket on which it listens. */
async function leaveSocket(path: string): Promise<void> {
  const script = `process.umask(0o177); require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await closed
}
