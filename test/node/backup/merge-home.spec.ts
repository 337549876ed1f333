import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describeIdentity } from '../../../src/node/backup/describe-identity.ts'
import { mergeHome } from '../../../src/node/backup/merge-home.ts'
import type { MergeReport } from '../../../src/node/backup/merge-home.ts'
import { AskStore } from '../../../src/node/asks/ask-store.ts'
import type { AskRecord } from '../../../src/node/asks/ask-store.ts'
import { receiptRecord } from '../../../src/node/announcer.ts'
import { Blocklist } from '../../../src/node/blocklist.ts'
import { systemClock } from '../../../src/node/clock.ts'
import { nextEpoch } from '../../../src/node/epoch.ts'
import { createIdentity, openIdentity } from '../../../src/node/identity.ts'
import { KeyLogs } from '../../../src/node/key-logs.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { nodeIdOf } from '../../../src/protocol/node-id.ts'
import { readSignedEvent } from '../../../src/protocol/key-event.ts'
import { restoreHome } from '../../../src/store/backup/restore.ts'
import type { Key, Lock } from '../../../src/store/backup/seal.ts'
import { Database } from '../../../src/store/database.ts'
import { readPeers } from '../../../src/store/peers-file.ts'
import { Repository } from '../../../src/store/repository.ts'
import { askCallOf, askId, idOf, NOW } from '../../helpers/ask-calls.ts'
import { backUpHere } from '../../helpers/backup-home.ts'
import { begin, rotate } from '../../helpers/key-branch.ts'
import { CLEAR, keyNames, rotateHere } from '../../helpers/key-homes.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const HOUR_MS = 3_600_000
const LATER = NOW + HOUR_MS
const clock = { ...systemClock, now: () => NOW }

describe('merge of a restored home', () => {
  const folder = tempFolder()
  let home: string
  let file: string
  let lock: Lock
  let key: Key
  let restores = 0

  before(async () => {
    const identity = await generateX25519Identity()
    lock = { recipients: [await identityToRecipient(identity)] }
    key = { identities: [identity] }
  })
  beforeEach(async () => {
    home = join(folder(), 'home')
    file = join(folder(), 'home.kith')
    await mkdir(home, { mode: 0o700 })
    await createIdentity(home, CLEAR, NOW)
  })

  /** Works on the store of a home that no node has open. */
  async function store<T>(at: string, work: (database: Database) => Promise<T>): Promise<T> {
    const database = await Database.open(join(at, 'store'))
    try {
      return await work(database)
    } finally {
      await database.close()
    }
  }

  async function backUp(): Promise<void> {
    await backUpHere({ home, describe: describeIdentity, to: file, lock })
  }

  async function restore(to = home): Promise<MergeReport> {
    const merge = (restoring: Parameters<typeof mergeHome>[0]): Promise<MergeReport> =>
      mergeHome(restoring, LATER)
    const init = { file, key, home: to, id: `a${(restores += 1)}`, dryRun: false, merge }
    return (await restoreHome(init)).merged
  }

  async function writePeers(...names: string[]): Promise<void> {
    const rows = names.map((name) => `  - {name: ${name}, id: ${idOf(name)}}\n`).join('')
    const text = `version: 1\npeers:${rows === '' ? ' []' : ''}\n${rows}`
    await writeFile(join(home, 'peers.yaml'), text, { mode: 0o600 })
  }

  async function namesPinned(): Promise<string[]> {
    return (await readPeers(join(home, 'peers.yaml'))).map(({ name }) => name)
  }

  it('leaves a backup alone where nothing is', async () => {
    await writePeers('anna')
    await backUp()
    const { key: before } = await openIdentity(home, undefined)
    await rm(home, { recursive: true })
    const report = await restore()
    assert.deepEqual(report, {
      keyLog: 'backup',
      peers: 'backup',
      peersBeside: undefined,
      blocked: [],
      storeRead: false,
      revokedInvites: 0,
      ahead: [],
    })
    assert.equal((await openIdentity(home, undefined)).key, before)
    assert.deepEqual(await namesPinned(), ['anna'])
  })

  it('keeps the key log that has gone on since, and no key from before it', async () => {
    await backUp()
    const after = await rotateHere(home)
    const names = await keyNames(home)
    assert.equal((await restore()).keyLog, 'home')
    assert.deepEqual(await openIdentity(home, undefined), after)
    assert.deepEqual(await keyNames(home), names)
  })

  it('takes the key log of the backup where it is the longer one', async () => {
    const old = join(folder(), 'old')
    await cp(home, old, { recursive: true })
    const after = await rotateHere(home)
    await backUp()
    assert.equal((await restore(old)).keyLog, 'backup')
    assert.deepEqual(await openIdentity(old, undefined), after)
  })

  it('brings a key back that the home has lost', async () => {
    await backUp()
    const names = await keyNames(home)
    await rm(join(home, 'keys', names[0] ?? ''))
    await restore()
    assert.deepEqual(await keyNames(home), names)
  })

  it('takes the place of a log that is damaged, and of no other node', async () => {
    await backUp()
    await writeFile(join(home, 'identity.json'), 'not json')
    await restore()
    await openIdentity(home, undefined)
    const other = join(folder(), 'other')
    await mkdir(other, { mode: 0o700 })
    const { identity } = await createIdentity(other, CLEAR, NOW)
    await assert.rejects(
      restore(other),
      (err) => isFailure(err, 'exists') && err.message.includes(identity.id),
    )
    assert.equal((await openIdentity(other, undefined)).id, identity.id)
  })

  it('refuses a log that contradicts the one that is here', async () => {
    const twin = join(folder(), 'twin')
    await cp(home, twin, { recursive: true })
    await rotateHere(home)
    await backUp()
    const theirs = await rotateHere(twin)
    await assert.rejects(
      restore(twin),
      (err) => isFailure(err, 'exists') && err.message.includes('contradicts'),
    )
    assert.deepEqual(await openIdentity(twin, undefined), theirs)
  })

  it('refuses a backup that is not of the node that it says', async () => {
    const describe: typeof describeIdentity = (content) => ({
      ...describeIdentity(content),
      node: idOf('anna'),
    })
    await backUpHere({ home, describe, to: file, lock })
    await assert.rejects(restore(), (err) => isFailure(err, 'corrupt'))
  })

  it('pins nobody again who was unpinned since, and shows whom the backup has', async () => {
    await writePeers('anna', 'bert')
    await backUp()
    await writePeers('anna')
    const { peers, peersBeside } = await restore()
    assert.deepEqual([peers, await namesPinned()], ['home', ['anna']])
    assert.match(await readFile(join(home, peersBeside ?? ''), 'utf8'), /name: bert/)
  })

  it('takes the pins of the backup where those of the home cannot be read, without the blocked ones', async () => {
    await writePeers('anna', 'bert')
    await backUp()
    await writeFile(join(home, 'peers.yaml'), 'peers: [', { mode: 0o600 })
    await store(home, async (database) => {
      await new Blocklist({ clock, database }).add(idOf('bert'))
    })
    const { blocked, peers } = await restore()
    assert.deepEqual([peers, blocked, await namesPinned()], ['backup', ['bert'], ['anna']])
  })

  it('brings a peers.yaml back as it is that nobody can read', async () => {
    await writeFile(join(home, 'peers.yaml'), 'peers: [', { mode: 0o600 })
    await backUp()
    await rm(home, { recursive: true })
    await restore()
    assert.equal(await readFile(join(home, 'peers.yaml'), 'utf8'), 'peers: [')
  })

  it('says which peers hold more of its key log than is restored', async () => {
    await writePeers('anna')
    const bytes = new Uint8Array(1)
    await store(home, async (database) => {
      const rows = new Repository(database, 'receipts', receiptRecord)
      const row = { receipt: bytes, sn: 2, head: bytes, seenAt: NOW, frozen: false }
      const fits = { ...row, sn: 0 }
      await database.write([rows.put(idOf('anna'), row), rows.put(idOf('bert'), fits)], {
        durable: false,
      })
    })
    await backUp()
    assert.deepEqual((await restore()).ahead, [{ peer: 'anna', sn: 2 }])
  })

  it('takes no kept rotation key back that was forgotten, and brings all where the keys are lost', async () => {
    const kept = join(home, 'keys', 'kept', idOf('anna'))
    await mkdir(kept, { recursive: true, mode: 0o700 })
    await writeFile(join(kept, '0123456789abcdef.json'), 'a key', { mode: 0o600 })
    await backUp()
    await rm(kept, { recursive: true })
    await restore()
    assert.deepEqual(await readdir(join(home, 'keys', 'kept')).catch(() => []), [])
    await rm(join(home, 'keys'), { recursive: true })
    await restore()
    assert.deepEqual(await readdir(kept), ['0123456789abcdef.json'])
    await openIdentity(home, undefined)
  })

  it('unblocks nobody', async () => {
    await store(home, async (database) => {
      await new Blocklist({ clock, database }).add(idOf('anna'))
    })
    await backUp()
    await store(home, async (database) => {
      const blocklist = new Blocklist({ clock, database })
      await blocklist.start()
      await blocklist.remove(idOf('anna'))
      await blocklist.add(idOf('bert'))
    })
    await restore()
    await store(home, async (database) => {
      const blocklist = new Blocklist({ clock, database })
      await blocklist.start()
      assert.deepEqual([blocklist.has(idOf('anna')), blocklist.has(idOf('bert'))], [true, true])
    })
  })

  it('takes no key log of a peer back, and brings those that only the backup has', async () => {
    const [short, lost] = [begin('anna'), begin('carl')]
    const long = rotate(short, 'anna, 2')
    const show = (at: string, ...logs: Uint8Array[][]): Promise<void> =>
      store(at, async (database) => {
        const keyLogs = new KeyLogs({ database, clock })
        await keyLogs.start()
        for (const log of logs) await keyLogs.take(log)
      })
    await show(home, short.events, lost.events)
    await backUp()
    await rm(join(home, 'store'), { recursive: true })
    await show(home, long.events)
    await restore()
    await store(home, async (database) => {
      const keyLogs = new KeyLogs({ database, clock })
      await keyLogs.start()
      const snOf = ([first]: Uint8Array[]): number | undefined =>
        keyLogs.get(nodeIdOf(readSignedEvent(first ?? new Uint8Array()).bytes))?.state.sn
      assert.deepEqual([snOf(long.events), snOf(lost.events)], [1, 0])
    })
  })

  describe('has asks at most once:', () => {
    const record = (ask: string, change: Partial<AskRecord> = {}): AskRecord => ({
      direction: 'in',
      ask,
      peer: idOf('anna'),
      state: 'received',
      receivedAt: NOW,
      deadlineAt: NOW + 12 * HOUR_MS,
      digest: new Uint8Array(32),
      ...change,
    })

    function forgotten(name: string): Promise<number | undefined> {
      return store(home, async (database) =>
        (await AskStore.open(database, clock)).newestForgotten(idOf(name)),
      )
    }

    it('what waited or ran when the backup was made is at its end', async () => {
      await store(home, async (database) => {
        const asks = await AskStore.open(database, clock)
        await asks.create(record(askId(1)), askCallOf('a'))
        await asks.create(record(askId(2), { state: 'claimed' }), askCallOf('b'))
        await asks.create(record(askId(3), { direction: 'out' }), askCallOf('c'))
      })
      await backUp()
      await restore()
      await store(home, async (database) => {
        const asks = await AskStore.open(database, clock)
        const states = [1, 2].map((nth) => asks.get('in', idOf('anna'), askId(nth))?.state)
        assert.deepEqual(states, ['cancelled', 'interrupted'])
        assert.deepEqual(
          (await asks.unfinished()).map(({ direction }) => direction),
          ['out'],
        )
      })
    })

    it('ids that were taken since are not taken again', async () => {
      await backUp()
      await store(home, async (database) => {
        const asks = await AskStore.open(database, clock)
        await asks.create(record(askId(1, NOW + 5_000)), askCallOf('a'))
      })
      await restore()
      assert.equal(await forgotten('anna'), NOW + 5_000)
    })

    it('where nobody knows which were, none from before the restore is', async () => {
      await writePeers('anna')
      await backUp()
      await rm(home, { recursive: true })
      await restore()
      assert.equal(await forgotten('anna'), LATER)
    })
  })

  it('counts more starts than the home has had, or can have had', async () => {
    await store(home, nextEpoch)
    await backUp()
    const other = join(folder(), 'elsewhere')
    await restore(other)
    const seconds = HOUR_MS / 1_000
    assert.ok((await store(other, nextEpoch)) > 1 + seconds)
    for (let starts = 0; starts < 5; starts += 1) await store(home, nextEpoch)
    const before = await store(home, nextEpoch)
    await restore()
    assert.ok((await store(home, nextEpoch)) > before)
  })
})
