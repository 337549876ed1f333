import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeBackupKey } from '../../src/node/backup/backup-keys.ts'
import type { BackupReport } from '../../src/node/control/api.ts'
import { readIdentity } from '../../src/node/identity.ts'
import { begin } from '../helpers/key-branch.ts'
import { eventually } from '../helpers/eventually.ts'
import { forgedBackup, signedWith } from '../helpers/forged-backup.ts'
import { backupFolder, backUpNode } from '../helpers/live-backups.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'
import { sealKeys } from '../helpers/sealed-keys.ts'

const PASSPHRASE = 'correct horse battery'

describe('backups of live nodes, and who has made them', () => {
  const make = liveNodes()
  let key: string
  let recipient: string
  /** Id of a node that has made none. */
  let keeper: string

  before(async () => {
    const { home, id } = await make('keeper')
    keeper = id
    key = join(dirname(home.path), 'identity.txt')
    recipient = await makeBackupKey(key, Date.now())
  })

  async function backUp(node: LiveNode): Promise<BackupReport> {
    return await backUpNode(node, { to: await backupFolder(node), recipients: [recipient] })
  }

  /** The same by the command. */
  async function create(node: LiveNode, ...more: string[]): Promise<BackupReport> {
    const args = ['--to', await backupFolder(node), '--recipient', recipient, '--json']
    const { code, err, out } = await kith(node, 'backup', 'create', ...args, ...more)
    assert.equal(code, 0, err)
    return JSON.parse(out) as BackupReport
  }

  /** What lies beside the home of this node and bears its name. */
  async function beside({ home }: LiveNode): Promise<string[]> {
    const name = `${home.path.slice(dirname(home.path).length + 1)}.`
    return (await readdir(dirname(home.path))).filter((other) => other.startsWith(name))
  }

  it('are signed by the node, while it runs and without it', async () => {
    const alice = await make('signer')
    const offline = await create(alice)
    await alice.start()
    const online = await create(alice)
    assert.deepEqual([offline.signed, online.signed], [true, true])
    for (const { file } of [offline, online]) {
      const { err, out } = await kith(alice, 'backup', 'verify', file, '--identity', key)
      assert.match(out, new RegExp(`\\nsigned by node ${alice.id}`))
      assert.equal(err, '')
    }
    await alice.kill()
  })

  it('that a stranger has put into the folder are refused by verify, drill and restore', async () => {
    const alice = await make('victim')
    await backUp(alice)
    const { log } = await readIdentity(alice.home.path)
    const file = join(await backupFolder(alice), 'victim-20991231T000000Z.age')
    const thief = begin('thief')
    const forgeries: [forged: Uint8Array, why: RegExp][] = [
      [await forgedBackup(recipient, log), /nobody has signed the backup/],
      [await forgedBackup(recipient, log, signedWith(thief.seed)), /not signed by the node/],
      [await forgedBackup(recipient, thief.events, signedWith(thief.seed)), /of another node/],
    ]
    const jobs = await readFile(alice.home.jobs, 'utf8').catch(() => undefined)
    for (const [forged, why] of forgeries) {
      await writeFile(file, forged)
      const flags = [file, '--identity', key]
      const restored = await kith(alice, 'restore', ...flags, '--force')
      assert.deepEqual([restored.code, why.test(restored.err)], [5, true], restored.err)
      assert.match(restored.err, /\ntry: /)
    }
    // These two find of all of them what restore has found of each.
    const [unsigned, why] = forgeries[0] ?? assert.fail()
    await writeFile(file, unsigned)
    for (const command of ['verify', 'drill']) {
      const { code, out } = await kith(alice, 'backup', command, file, '--identity', key)
      assert.deepEqual([code, why.test(out)], [1, true], out)
    }
    assert.equal(await readFile(alice.home.jobs, 'utf8').catch(() => undefined), jobs)
    assert.match((await kith(alice, 'id')).out, new RegExp(alice.id))
    assert.deepEqual(await beside(alice), [])
  })

  it('are proved on a new machine by the id of the node, and by its words otherwise', async () => {
    const alice = await make('moved')
    const { file } = await backUp(alice)
    const { words } = await readIdentity(alice.home.path)
    await rename(alice.home.path, `${alice.home.path}-lost`)
    const restore = ['restore', file, '--identity', key, '--dry-run']
    const shown = await kith(alice, ...restore)
    assert.equal(shown.code, 0, shown.err)
    assert.match(shown.err, new RegExp(`are these its words\\? ${words.join(' ')}`))
    const named = await kith(alice, ...restore, '--node', alice.id)
    assert.equal(named.code, 0, named.err)
    assert.ok(!named.err.includes('words'))
    const other = await kith(alice, ...restore, '--node', keeper)
    assert.deepEqual([other.code, /of another node/.test(other.err)], [5, true])
    const wrong = await kith(alice, ...restore, '--node', 'alice')
    assert.deepEqual([wrong.code, /no node id/.test(wrong.err)], [2, true])
  })

  it('want the passphrase of the keys where no node runs, or to be left unsigned', async () => {
    const alice = await make('sealed')
    await sealKeys(alice.home.path, PASSPHRASE)
    const args = ['backup', 'create', '--to', await backupFolder(alice), '--recipient', recipient]
    const refused = await kith(alice, ...args)
    assert.equal(refused.code, 7)
    assert.match(
      refused.err,
      /passphrase of the keys of this node.*\ntry: kith start, .*--unsigned/,
    )
    const { file, signed } = await create(alice, '--unsigned')
    assert.equal(signed, undefined)
    const flags = [file, '--identity', key]
    assert.equal((await kith(alice, 'restore', ...flags, '--force')).code, 5)
    const allowed = await kith(alice, 'restore', ...flags, '--force', '--allow-unsigned')
    assert.equal(allowed.code, 0, allowed.err)
    assert.match(allowed.err, /nobody has signed it/)
  })

  it('that are given up while they are read back are taken away', async () => {
    const alice = await make('hasty')
    const to = await backupFolder(alice)
    const args = ['backup', 'create', '--to', to, '--passphrase-stdin']
    const outcome = kithWith(alice, `${PASSPHRASE}\n`, ...args)
    const pid = await eventually(async () => {
      assert.ok((await readdir(to)).some((name) => name.startsWith('hasty-')))
      return await pidOf(to)
    })
    process.kill(pid, 'SIGINT')
    assert.equal((await outcome).code, 130)
    assert.deepEqual(await readdir(to), [])
    assert.match((await kith(alice, 'backup', 'list')).err, /no backup is known here/)
  })

  it('that could not be made in a folder that was mistyped trouble nobody later', async () => {
    const alice = await make('typist')
    const to = await backupFolder(alice)
    await appendFile(alice.home.config, `backup: {to: ${to}, recipients: [${recipient}]}\n`)
    await backUpNode(alice, {})
    await assert.rejects(backUpNode(alice, { to: `${to}-x` }), { code: 'usage' })
    await alice.start()
    const { findings } = await alice.client.call('doctor', {})
    const found = findings.filter(({ check }) => check === 'backup')
    assert.deepEqual(
      found.map(({ state }) => state),
      ['ok'],
      JSON.stringify(found),
    )
    await alice.kill()
    await rm(to, { recursive: true })
    await assert.rejects(backUpNode(alice, {}), { code: 'usage' })
    await alice.start()
    const after = await alice.client.call('doctor', {})
    assert.match(JSON.stringify(after.findings), /the last backup failed: there is no folder/)
    await alice.kill()
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
