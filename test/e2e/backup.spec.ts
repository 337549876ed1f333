import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeBackupKey } from '../../src/node/backup/backup-keys.ts'
import type { BackupReport, DoctorReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'
import { runToEnd } from '../helpers/run-to-end.ts'

const PASSPHRASE = 'correct horse\n'

/** What seals a backup and what opens it, by flags and by what is typed. */
interface Lock {
  seals: string[]
  opens: string[]
  typed: string
  verified: 'content' | 'hash'
}

/** Its key takes a second, each time. */
const BY_PASSPHRASE: Lock = {
  seals: ['--passphrase-stdin'],
  opens: ['--passphrase-stdin'],
  typed: PASSPHRASE,
  verified: 'content',
}

describe('backups of live nodes', () => {
  const make = liveNodes()
  let folder: string
  let made = 0
  let forRecipient: Lock

  before(async () => {
    const { home } = await make('owner-of-the-key')
    const path = join(dirname(home.path), 'identity.txt')
    const recipient = await makeBackupKey(path, Date.now())
    forRecipient = {
      seals: ['--recipient', recipient],
      opens: ['--identity', path],
      typed: '',
      verified: 'hash',
    }
  })

  /** A folder for backups beside the homes. */
  async function backupFolder(node: LiveNode): Promise<string> {
    const path = join(dirname(node.home.path), `backups-${(made += 1)}`)
    await mkdir(path, { mode: 0o700 })
    return path
  }

  /** Makes a backup. Returns its path. */
  async function backUp(
    node: LiveNode,
    { seals, typed, verified } = forRecipient,
  ): Promise<string> {
    folder = await backupFolder(node)
    const args = ['backup', 'create', '--to', folder, ...seals, '--json']
    const { code, err, out } = await kithWith(node, typed, ...args)
    assert.equal(code, 0, err)
    const report = JSON.parse(out) as BackupReport
    assert.deepEqual([report.verified?.how, report.verified?.ok], [verified, true])
    return report.file
  }

  async function restore(
    node: LiveNode,
    file: string,
    { opens, typed } = forRecipient,
    ...more: string[]
  ): Promise<void> {
    const { code, err } = await kithWith(node, typed, 'restore', file, ...opens, ...more)
    assert.equal(code, 0, err)
  }

  /** The same node on another machine, as far as there is one: nothing is there, and it listens elsewhere. */
  async function elsewhere(
    node: LiveNode,
    name: string,
    file: string,
    lock = forRecipient,
  ): Promise<LiveNode> {
    await appendFile(node.home.peers, '', { mode: 0o600 })
    const copy = await node.stolen(name)
    await rm(copy.home.path, { recursive: true })
    await restore(copy, file, lock)
    const config = await readFile(copy.home.config, 'utf8')
    await writeFile(copy.home.config, config.replace(node.address, copy.address))
    return copy
  }

  async function findings(node: LiveNode, check: string): Promise<DoctorReport['findings']> {
    const report = await node.client.call('doctor', {})
    return report.findings.filter((finding) => finding.check === check)
  }

  async function sn(node: LiveNode): Promise<number> {
    return (await node.client.call('key', {})).sn
  }

  it('are made while the node writes, and give the same node, all of whose asks are whole', async () => {
    const alice = await make('writer')
    await alice.start()
    const over = new AbortController()
    const asks: string[] = []
    const load = (async () => {
      while (!over.signal.aborted) {
        const { final } = await alice.ask('self', `count ${1 + (asks.length % 40)}`)
        assert.equal(final.outcome, 'done', JSON.stringify(final))
        asks.push(final.outcome)
      }
    })()
    const file = await backUp(alice, BY_PASSPHRASE)
    over.abort()
    await load
    assert.ok(asks.length > 0)
    await alice.kill()
    const again = await elsewhere(alice, 'writer-again', file, BY_PASSPHRASE)
    await again.start()
    const { id } = await again.status()
    assert.equal(id, alice.id)
    for (const ask of await again.client.call('asks', {})) {
      const { final } = await again.answer(ask.ask)
      assert.ok(final.outcome === 'done' || final.code === 'interrupted', final.outcome)
    }
    await again.kill()
  })

  it('bring nobody back who was unpinned or blocked, nor the key that was before', async () => {
    const [alice, bob] = [await make('owner'), await make('friend')]
    await alice.pin(bob, { allow: ['ping'] })
    await bob.pin(alice, { allow: ['ping'] })
    await alice.start()
    const file = await backUp(alice)
    assert.equal((await kith(alice, 'peers', 'remove', 'friend')).code, 0)
    await alice.client.call('block', { who: bob.id })
    assert.equal((await kith(alice, 'key', 'rotate', '--yes')).code, 0)
    const key = (await alice.status()).key
    await alice.stop()
    await restore(alice, file, forRecipient, '--force')
    await alice.start()
    const status = await alice.status()
    assert.deepEqual([status.id, status.key, status.peers], [alice.id, key, []])
    assert.equal(await sn(alice), 1)
    const { blocked } = await alice.client.call('strangers', {})
    assert.deepEqual(
      blocked.map(({ who }) => who),
      [bob.id],
    )
    await alice.kill()
  })

  it('are refused with another passphrase, and while the node runs: no file is written', async () => {
    const alice = await make('refused')
    const file = await backUp(alice, BY_PASSPHRASE)
    const beside = await readdir(dirname(alice.home.path))
    const before = await stat(alice.home.path)
    const args = ['restore', file, '--passphrase-stdin', '--force']
    const wrong = await kithWith(alice, 'battery staple\n', ...args)
    assert.deepEqual(
      [wrong.code, wrong.err],
      [7, 'kith: the passphrase does not open the backup\n'],
    )
    const dry = await kithWith(alice, PASSPHRASE, ...args.slice(0, 3), '--dry-run', '--json')
    assert.equal(dry.code, 0, dry.err)
    assert.deepEqual(await readdir(dirname(alice.home.path)), beside)
    assert.equal((await stat(alice.home.path)).ino, before.ino)
    const unasked = await kithWith(alice, PASSPHRASE, ...args.slice(0, 3))
    assert.deepEqual([unasked.code, /say --force/.test(unasked.err)], [2, true])
    await alice.start()
    const running = await kithWith(alice, PASSPHRASE, ...args)
    assert.equal(running.code, 1)
    assert.match(running.err, /a node runs in .*process \d+\ntry: kith stop/)
    await alice.kill()
  })

  it('that were being restored when the power went are brought to their end by the next command', async () => {
    const alice = await make('cut')
    await writeFile(join(alice.home.workspace, 'mark'), 'of the backup')
    const file = await backUp(alice)
    await writeFile(join(alice.home.workspace, 'mark'), 'of the home')
    const { path } = alice.home
    // As a kill leaves it between the two renames of the swap.
    const other = await elsewhere(alice, 'cut-other', file)
    await rename(path, `${path}.before-1`)
    await rename(other.home.path, `${path}.restoring-1`)
    const init = await kith(alice, 'init', '--clear')
    assert.equal(init.code, 1)
    assert.match(init.err, /identity\.json is there already/)
    assert.equal(await readFile(join(alice.home.workspace, 'mark'), 'utf8'), 'of the backup')
    assert.match((await kith(alice, 'id')).out, new RegExp(alice.id))
  })

  it('that are killed while they are restored leave the home as it was', async () => {
    const alice = await make('killed')
    await writeFile(join(alice.home.workspace, 'large'), Buffer.alloc(8_388_608, 7))
    const file = await backUp(alice, BY_PASSPHRASE)
    await writeFile(join(alice.home.workspace, 'large'), 'of the home')
    const home = dirname(alice.home.path)
    for (let round = 0; round < 3; round += 1) {
      const outcome = kithWith(alice, PASSPHRASE, 'restore', file, '--passphrase-stdin', '--force')
      const pid = await eventually(async () => {
        const names = await readdir(home)
        const isBegun = names.some((name) => name.startsWith('killed.restoring-'))
        assert.ok(isBegun)
        return await pidOf(file)
      })
      process.kill(pid, 'SIGKILL')
      await outcome
      const large = await readFile(join(alice.home.workspace, 'large'))
      assert.ok(large.byteLength === 8_388_608 || large.toString() === 'of the home')
      assert.match((await kith(alice, 'id')).out, new RegExp(alice.id))
      await writeFile(join(alice.home.workspace, 'large'), 'of the home')
    }
    await restore(alice, file, BY_PASSPHRASE, '--force')
    assert.equal((await stat(join(alice.home.workspace, 'large'))).size, 8_388_608)
    const left = (await readdir(home)).filter((name) => /killed\.(restor|drill)/.test(name))
    assert.deepEqual(left, [])
  })

  it('are tried out beside the home, and a damaged one is told of until it is gone', async () => {
    const alice = await make('driller')
    const file = await backUp(alice, BY_PASSPHRASE)
    await alice.start()
    const drill = ['backup', 'drill', '--passphrase-stdin', '--json']
    const good = await kithWith(alice, PASSPHRASE, ...drill)
    assert.equal(good.code, 0, good.out + good.err)
    assert.equal((await findings(alice, 'backup'))[0]?.state, 'ok')
    const bytes = await readFile(file)
    bytes[bytes.byteLength - 40] = (bytes.at(-40) ?? 0) ^ 1
    await writeFile(file, bytes)
    const bad = await kithWith(alice, PASSPHRASE, ...drill)
    assert.equal(bad.code, 1)
    assert.match(bad.out, /the backup is damaged/)
    const [damaged] = await findings(alice, 'backup')
    assert.deepEqual([damaged?.state, damaged?.what.includes(file)], ['fail', true])
    const { kept, spared } = await alice.client.call('pruneBackups', { remove: true })
    assert.deepEqual([kept.length, spared.map((backup) => backup.file)], [0, [file]])
    const beside = await readdir(dirname(alice.home.path))
    assert.deepEqual(
      beside.filter((name) => name.startsWith('driller.')),
      [],
    )
    await alice.kill()
  })

  it('are made by a job for recipients, and by none while there are none', async () => {
    const alice = await make('by-job')
    folder = await backupFolder(alice)
    const jobs = [
      'version: 1',
      'jobs:',
      '  - name: nightly',
      '    schedule: {kind: manual}',
      '    zone: UTC',
      '    target: {kind: backup}',
    ]
    await writeFile(alice.home.jobs, `${jobs.join('\n')}\n`, { mode: 0o600 })
    await appendFile(alice.home.config, `backup: {to: ${folder}}\n`)
    await alice.start()
    const failed = await runToEnd(alice.client, 'nightly')
    assert.deepEqual([failed.state, failed.failure?.code], ['failed', 'usage'])
    assert.match(failed.failure?.why ?? '', /backup\.recipients in config\.yaml/)
    await alice.stop()
    const keyFile = join(folder, 'identity.txt')
    const recipient = (await kith(alice, 'backup', 'keygen', keyFile)).out.trim()
    const config = await readFile(alice.home.config, 'utf8')
    const to = `backup: {to: ${folder}, recipients: [${recipient}]}`
    await writeFile(alice.home.config, config.replace(/backup: .*/, to))
    await alice.start()
    const run = await runToEnd(alice.client, 'nightly')
    assert.equal(run.state, 'succeeded', JSON.stringify(run.failure))
    const { backups } = await alice.client.call('backups', {})
    const [backup] = backups
    assert.deepEqual([backup?.by, backup?.verified?.how], ['nightly', 'hash'])
    const verify = await kith(alice, 'backup', 'verify', backup?.file ?? '', '--identity', keyFile)
    assert.equal(verify.code, 0, verify.err)
    assert.match(verify.out, new RegExp(alice.id))
    await alice.kill()
  })

  it('of which a second copy runs beside the node: its peer and both copies are told', async () => {
    const [alice, bob] = [await make('peer'), await make('twice')]
    await alice.pin(bob, { allow: ['ping'], addresses: [] })
    await bob.pin(alice, { allow: ['ping'] })
    await Promise.all([alice.start(), bob.start()])
    await bob.linkedTo(alice)
    const copy = await elsewhere(bob, 'twice-copy', await backUp(bob))
    await copy.start()
    const alerted = async (node: LiveNode, kind: string): Promise<void> => {
      await eventually(async () => {
        const alerts = await node.client.call('alerts', {})
        assert.ok(alerts.some((alert) => alert.kind === kind))
      })
    }
    await Promise.all([
      alerted(alice, 'peer-copied'),
      alerted(bob, 'second-copy'),
      alerted(copy, 'second-copy'),
    ])
    await Promise.all([alice.kill(), bob.kill(), copy.kill()])
  })

  it('G08: of a node whose peer has rotated since: it follows by itself, and doctor names the peer', async () => {
    const [alice, bob] = [await make('restored'), await make('rotated')]
    await alice.pin(bob, { allow: ['ping'] })
    await bob.pin(alice, { allow: ['ping'], addresses: [] })
    await Promise.all([alice.start(), bob.start()])
    await alice.linkedTo(bob)
    const file = await backUp(alice)
    await alice.stop()
    assert.equal((await kith(bob, 'key', 'rotate', '--yes')).code, 0)
    const again = await elsewhere(alice, 'restored-again', file)
    await again.start()
    const pong = await eventually(() => again.client.call('ping', { name: 'rotated' }))
    assert.equal(pong.peer, 'rotated')
    const found = await findings(again, 'restore')
    assert.match(found.map(({ what }) => what).join('\n'), /the key of rotated has moved since/)
    await Promise.all([again.kill(), bob.kill()])
  })
})

/** The process that restores from this file. */
async function pidOf(file: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (line.includes(file) && line.includes('restore')) return Number(pid)
  }
  throw new Error('nothing restores')
}
