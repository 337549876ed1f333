import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DaemonReport, StartReport } from '../../src/node/control/api.ts'
import { daemonRecordPath, readDaemonRecord } from '../../src/node/daemon/daemon-record.ts'
import { processMark } from '../../src/node/supervisor/process-identity.ts'
import { daemonHome, daemonHomeOfAll } from '../helpers/daemon-home.ts'
import type { DaemonHome } from '../helpers/daemon-home.ts'
import { eventually } from '../helpers/eventually.ts'

type Restarted = StartReport & { ok: boolean }

describe('the daemon', () => {
  const all = daemonHome()
  let home: DaemonHome

  beforeEach(async () => {
    home = all()
    await home.make()
    await home.make('work')
  })

  it('F56: is started once of two at the same time', async () => {
    const both = await Promise.all([1, 2].map(async () => await home.kith(['daemon', 'start'])))
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1])
  })

  it('F56: is none whose process id another process has by now, which is left alone', async () => {
    const other = spawn('sleep', ['60'])
    try {
      const record = { pid: other.pid, mark: 'of another', token: 'x', startedAt: 1 }
      await writeFile(daemonRecordPath(home.base), JSON.stringify(record), { mode: 0o600 })
      const { code } = await home.kith(['daemon', 'stop'])
      assert.equal(code, 6)
      assert.ok((await start(home)).ok)
      assert.equal(other.exitCode, null)
      assert.equal(other.signalCode, null)
    } finally {
      other.kill()
    }
  })

  it('F56: ends a daemon that does not answer any more by force', async () => {
    const { pid } = await start(home)
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

  it('is told of by exit code 6 when none runs', async () => {
    for (const verb of ['status', 'stop', 'reload']) {
      const { code, err } = await home.kith(['daemon', verb])
      assert.equal(code, 6, verb)
      assert.match(err, /try: kith (--home \S+ )?daemon start/, verb)
    }
  })

  it('is told of by what it said itself when it ends at once', async () => {
    await chmod(home.base, 0o755)
    const { code, err } = await home.kith(['daemon', 'start'])
    assert.equal(code, 1)
    assert.match(err, /ended with code 5: kith: .* is open to other users/)
  })
})

/** Those that a daemon outlives, in this order. */
describe('a daemon that runs', () => {
  const one = daemonHomeOfAll()
  let home: DaemonHome
  /** Of the process that was started first. */
  let pid: number

  before(async () => {
    home = one()
    await home.make()
    await home.make('work')
    const started = await start(home)
    assert.ok(started.ok)
    pid = started.pid
  })

  it('G03: serves every profile in one process, each by its own socket', async () => {
    const pids = await Promise.all(
      [undefined, 'work'].map(async (name) => (await home.client(name).call('status', {})).pid),
    )
    assert.deepEqual(pids, [pid, pid])
    const { code, out } = await home.kith(['-p', 'work', 'status'])
    assert.equal(code, 0)
    assert.match(out, /^work is healthy/m)
  })

  it('F56: is one: a second one, and a node of a home that it has, say who holds it', async () => {
    for (const args of [['daemon', 'start'], ['daemon', 'start', '--foreground'], ['start']]) {
      const { code, err } = await home.kith(args)
      assert.equal(code, 1, err)
      assert.match(err, new RegExp(`already: process ${pid}, since 20`))
    }
  })

  it('F55: is not stopped or restarted by the program of a job or an ask, and the node writes that down', async () => {
    for (const verb of ['stop', 'restart']) {
      const env = { KITH_JOB: 'digest' }
      assert.equal((await home.kith(['daemon', verb], { env })).code, 7)
    }
    assert.equal((await report(home)).pid, pid)
    await eventually(async () => {
      const { out } = await home.kith(['audit', 'show', '--json'])
      assert.match(out, /kith daemon restart is for a person/)
      assert.match(out, /"job digest"/)
    })
  })

  it('F61: takes a hot setting while it runs, and tells which ones wait', async () => {
    const text = await readFile(home.home().config, 'utf8')
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
    assert.equal((await report(home)).profiles[0]?.state, 'running')
    await writeFile(home.home().config, text, { mode: 0o600 })
  })

  it('F54: restart tells how long it took until it was ready, and is refused twice in 30 s', async () => {
    const begun = performance.now()
    const { code, out } = await home.kith(['daemon', 'restart', '--json'])
    const tookMs = performance.now() - begun
    assert.equal(code, 0)
    const { ok, ready, readyAfterMs, reason, ...restarted } = JSON.parse(out) as Restarted
    assert.deepEqual({ ok, ready, reason }, { ok: true, ready: true, reason: null })
    assert.notEqual(restarted.pid, pid)
    assert.ok(readyAfterMs !== null && readyAfterMs > 0 && readyAfterMs < tookMs)
    const again = await home.kith(['daemon', 'restart', '--json'])
    assert.equal(again.code, 75)
    const { error } = JSON.parse(again.err) as { error: { code: string; details: object } }
    assert.equal(error.code, 'rate-limited')
    assert.ok('retryAfterMs' in error.details)
    assert.equal((await report(home)).pid, restarted.pid)
  })

  it('is restarted by a start when it was killed, as often as that happens', async () => {
    const { pid } = await report(home)
    process.kill(pid, 'SIGKILL')
    await eventually(() => {
      assert.equal(processMark(pid), undefined)
    })
    assert.equal((await home.kith(['daemon', 'restart'])).code, 0)
  })

  it('F56: lets what is under way end before it stops, and leaves nothing behind that says it runs', async () => {
    const { pid } = await report(home)
    const client = home.client()
    const { ask } = await client.call('ask', { peer: 'self', text: 'count 5' })
    const { code } = await home.kith(['daemon', 'stop'])
    assert.equal(code, 0)
    assert.equal(processMark(pid), undefined)
    assert.equal(await readDaemonRecord(home.base), undefined)
    assert.equal(existsSync(daemonRecordPath(home.base)), false)
    await start(home)
    assert.equal((await client.call('showAsk', { ask })).state, 'done')
  })

  it('takes up a new profile at a reload, and one that was stopped alone', async () => {
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
    assert.doesNotMatch(out, /token/)
  })

  it('has no part in a profile that there is none of', async () => {
    const { code, err } = await home.kith(['-p', 'wrok', 'status'])
    assert.equal(code, 6)
    assert.match(err, /there is no node in \S+\/profiles\/wrok\ntry: kith profile list\n$/)
  })

  it('tells of a profile that failed at a reload, and what it failed of', async () => {
    await home.make('broken')
    await writeFile(join(home.base, 'profiles/broken/peers.yaml'), 'peers: 3\n', { mode: 0o600 })
    const { code, out } = await home.kith(['daemon', 'reload'])
    assert.equal(code, 1)
    assert.match(out, /^work +running since/m)
    assert.match(out, /^broken +failed since .*peers\.yaml/m)
    const list = await home.kith(['profile', 'list'])
    assert.match(list.out, /^work +runs +\/ip4\/127\.0\.0\.1\/tcp\/0$/m)
    assert.match(list.out, /^broken +failed +.*peers\.yaml/m)
    const shown = await home.kith(['profile', 'show', 'broken'])
    assert.match(shown.out, /^state +failed\nproblem +.*peers\.yaml/m)
    // What its start had opened is closed: nothing is in the way of the next one.
    await rm(join(home.base, 'profiles/broken/peers.yaml'))
    await eventually(() => home.client('broken').call('status', {}))
  })
})

describe('the daemon of a sealed profile', () => {
  const one = daemonHomeOfAll()
  let home: DaemonHome

  before(async () => {
    home = one()
    await home.make()
    await home.make('work')
    await home.make('sealed', { passphrase: 'four words of it' })
  })
  afterEach(() => home.end())

  it('F54: restart whose start is blocked is not ok, and says by what', async () => {
    const { err, out } = await home.kith(['daemon', 'restart', '--json'])
    assert.notEqual(out, '', err)
    const { ok, ready, readyAfterMs, reason } = JSON.parse(out) as Restarted
    assert.deepEqual({ ok, ready, readyAfterMs }, { ok: false, ready: false, readyAfterMs: null })
    assert.match(reason ?? '', /^sealed: .* is sealed by a passphrase/)
    const states = (await report(home)).profiles.map(({ name, state }) => [name, state])
    assert.deepEqual(states, [
      ['default', 'running'],
      ['sealed', 'failed'],
      ['work', 'running'],
    ])
  })

  it('opens sealed profiles with passphrases from its standard input, and shows none of them', async () => {
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

  it('G03: opens a sealed profile with the credential of its service, once there is one', async () => {
    const folder = join(home.base, '..', 'credentials')
    const file = join(folder, 'kith-passphrase-sealed')
    await mkdir(folder)
    await writeFile(file, '\n')
    const env = { CREDENTIALS_DIRECTORY: folder }
    const { code, err } = await home.kith(['daemon', 'start'], { env })
    assert.equal(code, 1)
    assert.ok(err.includes(`sealed: there is no passphrase in ${file}`), err)
    await home.client('work').call('status', {})
    await writeFile(file, 'four words of it\n')
    await eventually(() => home.client('sealed').call('status', {}))
  })
})

async function start(home: DaemonHome, ...args: string[]): Promise<Restarted> {
  const { err, out } = await home.kith(['daemon', 'start', '--json', ...args])
  assert.notEqual(out, '', err)
  return JSON.parse(out) as Restarted
}

async function report(home: DaemonHome): Promise<DaemonReport> {
  return JSON.parse((await home.kith(['daemon', 'status', '--json'])).out) as DaemonReport
}
