import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeBackupKey, readBackupKey } from '../../src/node/backup/backup-keys.ts'
import type { BackupReport, DoctorReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { backupFolder, backUpNode, restoreNode } from '../helpers/live-backups.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'
import { runToEnd } from '../helpers/run-to-end.ts'

const PASSPHRASE = 'correct horse\n'
const ROUTINE = { why: 'routine', graceSeconds: 3_600 } as const

describe('backups of live nodes', () => {
  const make = liveNodes()
  /** The file with the identity that opens backups, and its recipient. */
  let identity: string
  let recipient: string

  before(async () => {
    const { home } = await make('owner-of-the-key')
    identity = join(dirname(home.path), 'identity.txt')
    recipient = await makeBackupKey(identity, Date.now())
  })

  /** Makes a backup. Returns its path. */
  async function backUp(node: LiveNode): Promise<string> {
    const to = await backupFolder(node)
    const { file, verified } = await backUpNode(node, { to, recipients: [recipient] })
    assert.deepEqual([verified?.how, verified?.ok], ['hash', true])
    return file
  }

  /** The same node on another machine, as far as there is one: nothing is there, and it listens elsewhere. */
  async function elsewhere(node: LiveNode, name: string, file: string): Promise<LiveNode> {
    await appendFile(node.home.peers, '', { mode: 0o600 })
    const copy = await node.stolen(name)
    await rm(copy.home.path, { recursive: true })
    await restoreNode(copy, file, await readBackupKey(identity))
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
    const file = await backUp(alice)
    over.abort()
    await load
    assert.ok(asks.length > 0)
    await alice.kill()
    const again = await elsewhere(alice, 'writer-again', file)
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
    await alice.client.call('rotate', ROUTINE)
    const key = (await alice.status()).key
    await alice.stop()
    const args = ['restore', file, '--identity', identity, '--force']
    const restored = await kith(alice, ...args)
    assert.equal(restored.code, 0, restored.err)
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
    const create = ['backup', 'create', '--to', await backupFolder(alice), '--passphrase-stdin']
    const made = await kithWith(alice, PASSPHRASE, ...create, '--json')
    assert.equal(made.code, 0, made.err)
    const { file, verified } = JSON.parse(made.out) as BackupReport
    assert.deepEqual([verified?.how, verified?.ok], ['content', true])
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

  it('that are killed while they are tried out or restored leave the home as it was, and nothing for long', async () => {
    const alice = await make('killed')
    const large = join(alice.home.workspace, 'large')
    await writeFile(large, Buffer.alloc(8_388_608, 7))
    const file = await backUp(alice)
    await writeFile(large, 'of the home')
    const restore = ['restore', file, '--identity', identity, '--force']
    const isOurs = (name: string): boolean => /^killed\.(drill|restoring)-/.test(name)
    const beside = async (): Promise<string[]> =>
      (await readdir(dirname(alice.home.path))).filter(isOurs)
    for (const command of [['backup', 'drill', file, '--identity', identity], restore]) {
      const outcome = kith(alice, ...command)
      const pid = await eventually(async () => {
        assert.ok((await beside()).length > 0)
        return await pidOf(file)
      })
      process.kill(pid, 'SIGKILL')
      await outcome
      assert.match((await kith(alice, 'id')).out, new RegExp(alice.id))
      assert.deepEqual(await beside(), [])
      const content = await readFile(large)
      assert.ok(content.byteLength === 8_388_608 || content.toString() === 'of the home')
    }
    await writeFile(large, 'of the home')
    assert.equal((await kith(alice, ...restore)).code, 0)
    assert.equal((await stat(large)).size, 8_388_608)
    assert.deepEqual(await beside(), [])
  })

  it('are tried out beside the home, and a damaged one is told of until it is gone', async () => {
    const alice = await make('driller')
    const file = await backUp(alice)
    await alice.start()
    const drill = ['backup', 'drill', '--identity', identity, '--json']
    const good = await kith(alice, ...drill)
    assert.equal(good.code, 0, good.out + good.err)
    assert.equal((await findings(alice, 'backup'))[0]?.state, 'ok')
    const bytes = await readFile(file)
    bytes[bytes.byteLength - 40] = (bytes.at(-40) ?? 0) ^ 1
    await writeFile(file, bytes)
    const bad = await kith(alice, ...drill)
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
    const folder = await backupFolder(alice)
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
      await node.logLine((line) => line.msg === 'alert raised' && line['kind'] === kind)
      const alerts = await node.client.call('alerts', {})
      assert.ok(alerts.some((alert) => alert.kind === kind))
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
    await bob.client.call('rotate', ROUTINE)
    const again = await elsewhere(alice, 'restored-again', file)
    await again.start()
    const pong = await eventually(() => again.client.call('ping', { name: 'rotated' }))
    assert.equal(pong.peer, 'rotated')
    const found = await findings(again, 'restore')
    assert.match(found.map(({ what }) => what).join('\n'), /the key of rotated has moved since/)
    await Promise.all([again.kill(), bob.kill()])
  })
})

/** The process of kith that has this among its arguments. */
async function pidOf(argument: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) continue
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (line.split('\0').includes(argument)) return Number(pid)
  }
  throw new Error('no such process')
}
