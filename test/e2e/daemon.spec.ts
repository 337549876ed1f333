import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DaemonReport, StartReport } from '../../src/node/control/api.ts'
import { daemonRecordPath, readDaemonRecord } from '../../src/node/daemon/daemon-record.ts'
import { processMark } from '../../src/node/supervisor/process-identity.ts'
import { daemonHome } from '../helpers/daemon-home.ts'
import type { DaemonHome } from '../helpers/daemon-home.ts'
import { eventually } from '../helpers/eventually.ts'

describe('the daemon', () => {
  const all = daemonHome()
  let home: DaemonHome

  beforeEach(async () => {
    home = all()
    await home.make()
    await home.make('work')
  })

  async function start(...args: string[]): Promise<StartReport & { ok: boolean }> {
    const { err, out } = await home.kith(['daemon', 'start', '--json', ...args])
    assert.notEqual(out, '', err)
    return JSON.parse(out) as StartReport & { ok: boolean }
  }

  async function report(): Promise<DaemonReport> {
    return JSON.parse((await home.kith(['daemon', 'status', '--json'])).out) as DaemonReport
  }

  it('G03: serves every profile in one process, each by its own socket', async () => {
    const { ok, pid } = await start()
    assert.ok(ok)
    const pids = await Promise.all(
      [undefined, 'work'].map(async (name) => (await home.client(name).call('status', {})).pid),
    )
    assert.deepEqual(pids, [pid, pid])
    const { code, out } = await home.kith(['-p', 'work', 'status'])
    assert.equal(code, 0)
    assert.match(out, /^work is healthy/m)
  })

  it('F56: is one: a second one, and a node of a home that it has, say who holds it', async () => {
    const { pid } = await start()
    for (const args of [['daemon', 'start'], ['daemon', 'start', '--foreground'], ['start']]) {
      const { code, err } = await home.kith(args)
      assert.equal(code, 1, err)
      assert.match(err, new RegExp(`already: process ${pid}, since 20`))
    }
  })

  it('F56: is started once of two at the same time', async () => {
    const both = await Promise.all([1, 2].map(async () => await home.kith(['daemon', 'start'])))
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1])
  })

  it('F56: lets what is under way end before it stops', async () => {
    const { pid } = await start()
    const client = home.client()
    const { ask } = await client.call('ask', { peer: 'self', text: 'count 5' })
    const { code } = await home.kith(['daemon', 'stop'])
    assert.equal(code, 0)
    assert.equal(processMark(pid), undefined)
    await start()
    assert.equal((await client.call('showAsk', { ask })).state, 'done')
  })

  it('F56: is none whose process id another process has by now, which is left alone', async () => {
    const other = spawn('sleep', ['60'])
    try {
      const record = { pid: other.pid, mark: 'of another', token: 'x', startedAt: 1 }
      await writeFile(daemonRecordPath(home.base), JSON.stringify(record), { mode: 0o600 })
      const { code } = await home.kith(['daemon', 'stop'])
      assert.equal(code, 6)
      assert.ok((await start()).ok)
      assert.equal(other.exitCode, null)
      assert.equal(other.signalCode, null)
    } finally {
      other.kill()
    }
  })

  it('F56: ends a daemon that does not answer any more by force', async () => {
    const { pid } = await start()
    process.kill(pid, 'SIGSTOP')
    await rm(join(home.base, 'daemon.sock'))
    const stopping = home.kith(['daemon', 'stop', '--json'])
    // It acts on the signal that it got meanwhile.
    await eventually(async () => {
      assert.match(await readFile(`/proc/${pid}/status`, 'utf8'), /^ShdPnd:\s+0*[1-9a-f]/m)
    })
    process.kill(pid, 'SIGCONT')
    const { code, out } = await stopping
    assert.equal(code, 0)
    assert.equal((JSON.parse(out) as { forced: boolean }).forced, true)
    assert.equal(processMark(pid), undefined)
  })

  it('F54: restart tells how long it took until it was ready, and is refused twice in 30 s', async () => {
    const before = await start()
    const begun = performance.now()
    const { code, out } = await home.kith(['daemon', 'restart', '--json'])
    const tookMs = performance.now() - begun
    assert.equal(code, 0)
    const { ok, pid, ready, readyAfterMs, reason } = JSON.parse(out) as typeof before
    assert.deepEqual({ ok, ready, reason }, { ok: true, ready: true, reason: null })
    assert.notEqual(pid, before.pid)
    assert.ok(readyAfterMs !== null && readyAfterMs > 0 && readyAfterMs < tookMs)
    const again = await home.kith(['daemon', 'restart', '--json'])
    assert.equal(again.code, 75)
    const { error } = JSON.parse(again.err) as { error: { code: string; details: object } }
    assert.equal(error.code, 'rate-limited')
    assert.ok('retryAfterMs' in error.details)
    assert.equal((await report()).pid, pid)
  })

  it('F54: restart whose start is blocked is not ok, and says by what', async () => {
    await home.make('sealed', { passphrase: 'four words of it' })
    const { err, out } = await home.kith(['daemon', 'restart', '--json'])
    assert.notEqual(out, '', err)
    const { ok, ready, readyAfterMs, reason } = JSON.parse(out) as StartReport & { ok: boolean }
    assert.deepEqual({ ok, ready, readyAfterMs }, { ok: false, ready: false, readyAfterMs: null })
    assert.match(reason ?? '', /^sealed: .* is sealed by a passphrase/)
    const states = (await report()).profiles.map(({ name, state }) => [name, state])
    assert.deepEqual(states, [
      ['default', 'running'],
      ['sealed', 'failed'],
      ['work', 'running'],
    ])
  })

  it('opens sealed profiles with passphrases from its standard input, and shows none of them', async () => {
    await home.make('sealed', { passphrase: 'four words of it' })
    const input = 'sealed: four words of it\n'
    const args = ['daemon', 'start', '--passphrase-stdin', '--json']
    const { code, out } = await home.kith(args, { input })
    assert.equal(code, 0)
    const { pid } = JSON.parse(out) as StartReport
    const shown = [
      `/proc/${pid}/cmdline`,
      `/proc/${pid}/environ`,
      join(home.base, 'logs/service.log'),
    ]
    for (const path of shown) assert.doesNotMatch(await readFile(path, 'utf8'), /four words/)
  })

  it('opens a sealed profile with the credential of its service', async () => {
    await home.make('sealed', { passphrase: 'four words of it' })
    const folder = join(home.base, '..', 'credentials')
    await mkdir(folder)
    await writeFile(join(folder, 'kith-passphrase-sealed'), 'four words of it\n')
    const env = { CREDENTIALS_DIRECTORY: folder }
    assert.equal((await home.kith(['daemon', 'start'], { env })).code, 0)
  })

  it('F55: is not stopped or restarted by the program of a job or an ask, and the node writes that down', async () => {
    const { pid } = await start()
    for (const verb of ['stop', 'restart']) {
      const env = { KITH_JOB: 'digest' }
      assert.equal((await home.kith(['daemon', verb], { env })).code, 7)
    }
    assert.equal((await report()).pid, pid)
    await eventually(async () => {
      const { out } = await home.kith(['audit', 'show', '--json'])
      assert.match(out, /kith daemon restart is for a person/)
      assert.match(out, /"job digest"/)
    })
  })

  it('takes up a new profile at a reload, and one that was stopped alone', async () => {
    await start()
    assert.equal((await home.kith(['-p', 'work', 'stop'])).code, 0)
    await home.make('late')
    const { out } = await home.kith(['daemon', 'reload', '--json'])
    const states = (JSON.parse(out) as DaemonReport).profiles.map(({ name, state }) => [
      name,
      state,
    ])
    assert.deepEqual(states, [
      ['default', 'running'],
      ['work', 'running'],
      ['late', 'running'],
    ])
  })

  it('is told of by exit code 6 when none runs', async () => {
    for (const verb of ['status', 'stop', 'reload']) {
      const { code, err } = await home.kith(['daemon', verb])
      assert.equal(code, 6, verb)
      assert.match(err, /try: kith (--home \S+ )?daemon start/, verb)
    }
  })

  it('is told of by what it said itself when it ends at once', async () => {
    const KITH_PASSPHRASE_FILE = '/nowhere/passphrase'
    const { code, err } = await home.kith(['daemon', 'start'], { env: { KITH_PASSPHRASE_FILE } })
    assert.equal(code, 1)
    assert.match(err, /ended with code 2: kith: .*\/nowhere\/passphrase cannot be read/)
  })

  it('is restarted by a start when it was killed, as often as that happens', async () => {
    await start()
    await home.kith(['daemon', 'restart'])
    const { pid } = await report()
    process.kill(pid, 'SIGKILL')
    await eventually(() => {
      assert.equal(processMark(pid), undefined)
    })
    assert.equal((await home.kith(['daemon', 'restart'])).code, 0)
  })

  it('leaves nothing behind that says it runs', async () => {
    await start()
    await home.kith(['daemon', 'stop'])
    assert.equal(await readDaemonRecord(home.base), undefined)
    assert.equal(existsSync(daemonRecordPath(home.base)), false)
  })

  it('F61: takes a hot setting while it runs, and tells which ones wait', async () => {
    await start()
    await home.kith(['config', 'set', 'stop.drain_seconds', '3'])
    await home.kith(['config', 'set', 'agent.parallel', '9'])
    await eventually(async () => {
      const { problems } = await home.client().call('status', {})
      assert.ok(problems.some(({ what }) => what.endsWith('next start: agent.parallel')))
    })
    await writeFile(home.home().config, 'version: 1\nlistn: []\n', { mode: 0o600 })
    await eventually(async () => {
      const { problems } = await home.client().call('status', {})
      assert.ok(problems.some(({ what }) => what.includes('did you mean listen?')))
    })
    assert.equal((await report()).profiles[0]?.state, 'running')
  })
})
