import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { basename, join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { BackupDesk } from '../../../src/node/backup/backup-desk.ts'
import type { CreateRequest, MadeBackup } from '../../../src/node/backup/backup-desk.ts'
import { backupSchema } from '../../../src/node/backup/backup-config.ts'
import { authorOf } from '../../../src/node/backup/backup-author.ts'
import { readOwnLog } from '../../../src/node/keys/own-log.ts'
import { BackupLog } from '../../../src/node/backup/backup-log.ts'
import { createIdentity, openIdentity } from '../../../src/node/identity.ts'
import { Self } from '../../../src/node/self.ts'
import { homeOf } from '../../../src/node/home.ts'
import type { Home } from '../../../src/node/home.ts'
import { KithError, isFailure } from '../../../src/protocol/errors.ts'
import { verifyBackup } from '../../../src/store/backup/read-backup.ts'
import type { Key } from '../../../src/store/backup/seal.ts'
import { Database } from '../../../src/store/database.ts'
import { writeHome } from '../../helpers/backup-home.ts'
import { CLEAR } from '../../helpers/key-homes.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const DAY_MS = 86_400_000

const PASSPHRASE = 'correct horse battery'

describe('the desk of backups', () => {
  const folder = tempFolder()
  let home: Home
  let to: string
  let clock: ManualClock
  let database: Database
  let recipients: string[]
  let key: Key
  let desk: BackupDesk

  before(async () => {
    const identity = await generateX25519Identity()
    key = { identities: [identity] }
    recipients = [await identityToRecipient(identity)]
  })
  beforeEach(async () => {
    home = homeOf({ KITH_HOME: join(folder(), 'home') }, undefined)
    to = join(folder(), 'backups')
    clock = new ManualClock()
    await mkdir(to)
    await mkdir(home.path, { mode: 0o700 })
    await createIdentity(home.path, CLEAR, clock.now())
    database = await Database.open(home.store)
    await open({ to, recipients })
  })
  afterEach(() => database.close())

  /** The desk after a start with this section `backup` of the config. */
  async function open(section: Record<string, unknown>): Promise<void> {
    const records = await BackupLog.open(database, clock)
    const config = { name: 'alice', backup: backupSchema.parse(section) }
    const signer = async (): Promise<Self> => new Self(await openIdentity(home.path, undefined))
    desk = new BackupDesk({ database, clock, records, signer }, { home, config })
  }

  /** Why the last one failed; empty when none has failed since one was made. */
  function failedWhy(): string {
    return desk.records.failure?.why ?? ''
  }

  async function create(request: Partial<CreateRequest> = {}): Promise<MadeBackup> {
    return await desk.create({ to: undefined, lock: undefined, by: 'self', ...request })
  }

  it('makes one where the config says, named after the node and the time, and reads it back', async () => {
    const { file, leftOut, lock, verified } = await create()
    assert.equal(file, join(to, 'alice-20261121T090000Z.age'))
    assert.deepEqual([lock, verified?.how, verified?.ok, leftOut], ['recipients', 'hash', true, []])
    assert.deepEqual(await readdir(to), ['alice-20261121T090000Z.age'])
  })

  it('opens one again that has a passphrase, also where nobody has signed it', async () => {
    const made = await create({ lock: { passphrase: PASSPHRASE }, unsigned: true })
    const { lock, signed, verified } = made
    assert.deepEqual([lock, verified?.how, verified?.ok], ['passphrase', 'content', true])
    assert.equal(signed, false)
  })

  it('says what it leaves out', async () => {
    await writeFile(join(home.path, 'notes.txt'), 'of mine')
    assert.deepEqual((await create()).leftOut, ['notes.txt'])
  })

  it('knows after a restart what was made and found', async () => {
    const { file } = await create()
    clock.advance(DAY_MS)
    await desk.records.add({ what: 'checked', file, how: 'drill', ok: true, by: 'self' })
    await open({ to, recipients })
    const [found] = await desk.list()
    assert.deepEqual([found?.file, found?.standing, found?.drilled?.ok], [file, 'there', true])
    const { drilledAt, madeAt, verifiedAt } = desk.records.ages
    assert.deepEqual([drilledAt, verifiedAt], [clock.now(), clock.now()])
    assert.equal(madeAt, clock.now() - DAY_MS)
  })

  const places: [what: string, place: () => string, hint: RegExp][] = [
    ['a folder that is not there', () => join(folder(), 'usb'), /^mkdir/],
    ['a file in a folder that is not there', () => join(folder(), 'usb', 'a.age'), /^mkdir/],
    ['the home itself', () => home.path, /another folder/],
    ['the workspace', () => join(home.path, 'a.age'), /another folder/],
    ['a link to the home', () => join(folder(), 'link'), /another folder/],
  ]
  for (const [what, place, hint] of places) {
    it(`refuses ${what}`, async () => {
      await symlink(home.path, join(folder(), 'link'))
      const wanted = create({ to: place() })
      await assert.rejects(wanted, (err) => isFailure(err, 'usage') && hint.test(err.hint ?? ''))
      // Whoever has typed it has been told.
      assert.equal(failedWhy(), '')
      await assert.rejects(create({ to: place(), by: 'nightly' }))
      assert.match(failedWhy(), /folder|home/)
    })
  }

  it('notes that none could be made where the config says, whoever wanted it, until one is', async () => {
    await open({ to: join(folder(), 'usb'), recipients })
    await assert.rejects(create())
    assert.match(failedWhy(), /there is no folder/)
    await assert.rejects(create({ to: join(folder(), 'other') }))
    assert.match(failedWhy(), /usb/)
    await create({ to })
    assert.equal(failedWhy(), '')
  })

  it('signs it, and says so; unsigned it is only when somebody says so', async () => {
    const { file, signed } = await create()
    const own = { own: await readOwnLog(home.path) }
    assert.equal(signed, true)
    assert.equal(authorOf(await verifyBackup(file, key), own, clock.now()).proof, 'home')
    clock.advance(1_000)
    const bare = await create({ unsigned: true })
    assert.deepEqual([bare.signed, bare.verified?.ok], [false, true])
    assert.equal((await verifyBackup(bare.file, key)).statement, undefined)
  })

  it('makes none where the key that signs cannot be opened', async () => {
    await writeFile(home.config, '')
    const records = await BackupLog.open(database, clock)
    const config = { name: 'alice', backup: backupSchema.parse({ to, recipients }) }
    const sealed = new KithError('passphrase', 'sealed', { given: false })
    const signer = (): Promise<Self> => Promise.reject(sealed)
    desk = new BackupDesk({ database, clock, records, signer }, { home, config })
    await assert.rejects(create(), (err) => err === sealed)
    assert.deepEqual(await readdir(to), [])
    assert.equal((await create({ unsigned: true })).signed, false)
  })

  for (const passphrase of ['', 'correct hor', 'пароль пяти']) {
    it(`seals nothing by the passphrase ${JSON.stringify(passphrase)}`, async () => {
      const refused = create({ lock: { passphrase } })
      await assert.rejects(
        refused,
        (err) => isFailure(err, 'usage') && /five words/.test(err.hint ?? ''),
      )
      assert.deepEqual(await readdir(to), [])
    })
  }

  it('takes back one that its owner gives up while it is read back, and keeps that of a job', async () => {
    // More than is read at once.
    await writeHome(home.path, { 'workspace/noise': randomBytes(600_000) })
    for (const [by, left] of [
      ['self', 0],
      ['nightly', 1],
    ] as const) {
      const stop = new AbortController()
      const given = giveUp(by, stop)
      await assert.rejects(given, /given up/)
      assert.equal((await readdir(to)).length, left)
      assert.equal((await desk.list()).length, left)
      assert.equal(failedWhy() === '', by === 'self')
      clock.advance(1_000)
    }
  })

  /** A backup that is given up when the reading begins. */
  async function giveUp(by: string, stop: AbortController): Promise<MadeBackup> {
    const request = { to: undefined, lock: undefined, by }
    const onProgress = (): void => {
      if (desk.working?.phase === 'checking') stop.abort(new Error('given up'))
    }
    return await desk.create({ ...request, onProgress }, stop.signal)
  }

  it('wants to know where and for whom, and says what to set', async () => {
    await open({ recipients })
    await assert.rejects(
      create(),
      (err) => isFailure(err, 'usage') && /backup\.to/.test(err.hint ?? ''),
    )
    await open({ to })
    await assert.rejects(
      create(),
      (err) => isFailure(err, 'usage') && /keygen/.test(err.hint ?? ''),
    )
    await create({ lock: { recipients } })
    assert.equal(failedWhy(), '')
  })

  it('makes one at a time', async () => {
    const first = create()
    await assert.rejects(create(), (err) => isFailure(err, 'busy'))
    await first
    assert.equal(desk.working, undefined)
    clock.advance(1_000)
    await create()
  })

  it('says how far it is', async () => {
    const seen: number[] = []
    await create({ onProgress: ({ doneBytes, totalBytes }) => seen.push(doneBytes / totalBytes) })
    assert.equal(seen.at(-1), 1)
  })

  it('leaves nothing of one that is given up, and takes away what a dead one has left', async () => {
    const signal = AbortSignal.abort(new Error('given up'))
    await assert.rejects(desk.create({ to, lock: undefined, by: 'self' }, signal), /given up/)
    assert.deepEqual(await readdir(to), [])
    const names = [
      '.alice-20261120T090000Z.age.0123456789abcdef',
      '.bob-20261120T090000Z.age.0123456789abcdef',
    ]
    for (const name of names) {
      await writeFile(join(to, name), 'half')
      await utimes(join(to, name), clock.now() / 1_000, (clock.now() - DAY_MS) / 1_000)
    }
    const young = '.alice-20261121T090000Z.age.0123456789abcdef'
    await writeFile(join(to, young), 'half')
    await utimes(join(to, young), clock.now() / 1_000, clock.now() / 1_000)
    const { file } = await create()
    assert.deepEqual(
      (await readdir(to)).sort(),
      [young, names[1], file.slice(to.length + 1)].sort(),
    )
  })

  describe('prunes', () => {
    async function createDaily(count: number): Promise<MadeBackup[]> {
      const made: MadeBackup[] = []
      for (let day = 0; day < count; day += 1) {
        made.push(await create())
        clock.advance(DAY_MS)
      }
      return made
    }

    it('by the rule of the config, and only when it is told to', async () => {
      await open({ to, recipients, keep: { daily: 2, weekly: 0, monthly: 0 } })
      const [one, two, three] = await createDaily(3)
      const dry = await desk.prune({ by: 'self', remove: false })
      assert.deepEqual(
        [dry.kept, dry.removed].map((list) => list.map(({ file }) => file)),
        [[three?.file, two?.file], [one?.file]],
      )
      assert.equal((await readdir(to)).length, 3)
      await desk.prune({ by: 'self', remove: true })
      assert.equal((await readdir(to)).length, 2)
      assert.equal((await desk.list()).length, 2)
    })

    it('none that is damaged, changed, gone, or not its own; they take no place of another', async () => {
      await open({ to, recipients, keep: { daily: 1, weekly: 0, monthly: 0 } })
      const [good, damaged, changed] = await createDaily(3)
      assert.ok(good && damaged && changed)
      const check = { what: 'checked', how: 'hash', by: 'self' } as const
      await desk.records.add({ ...check, file: damaged.file, ok: false, why: 'flipped' })
      await writeFile(changed.file, 'short')
      await writeFile(join(to, 'alice-20261201T090000Z.age'), 'from elsewhere')
      await writeFile(join(to, 'bob-20261201T090000Z.age'), 'of another node')
      const { kept, removed, spared } = await desk.prune({ by: 'self', remove: true })
      assert.deepEqual([kept.map(({ file }) => file), removed], [[good.file], []])
      assert.deepEqual(
        spared.map(({ standing }) => standing),
        ['unknown', 'changed', 'there'],
      )
      assert.equal((await readdir(to)).length, 5)
    })

    it('none while the newest that was read back is no longer what was written, though it is as long', async () => {
      await open({ to, recipients, keep: { daily: 1, weekly: 0, monthly: 0 } })
      const [oldest, older, newest] = await createDaily(3)
      assert.ok(oldest && older && newest)
      const flip = async ({ file }: MadeBackup): Promise<void> => {
        const bytes = await readFile(file)
        await writeFile(file, bytes.fill(0, bytes.byteLength - 40, bytes.byteLength - 38))
      }
      await flip(newest)
      const dry = await desk.prune({ by: 'self', remove: false })
      assert.deepEqual(
        [dry.kept, dry.removed, dry.spared].map((list) => list.map(({ file }) => file)),
        [[older.file], [oldest.file], [newest.file]],
      )
      assert.match(desk.records.get(newest.file)?.verified?.why ?? '', /not what was written/)
      await flip(older)
      const { removed } = await desk.prune({ by: 'self', remove: true })
      assert.deepEqual([removed, (await readdir(to)).length], [[], 3])
    })

    it('none that was only read here: it is a copy that somebody keeps, or the same by another path', async () => {
      await open({ to, recipients, keep: { daily: 1, weekly: 0, monthly: 0 } })
      const { backupAt, bytes, file, sha256 } = await create()
      const link = join(folder(), 'link')
      await symlink(to, link)
      const copy = join(folder(), 'kept.age')
      await copyFile(file, copy)
      const found = { backupAt, bytes, sha256 }
      for (const path of [join(link, basename(file)), copy]) {
        const check = { what: 'checked', file: path, how: 'content', ok: true } as const
        await desk.records.add({ ...check, found, by: 'self' })
      }
      const { kept, removed, spared } = await desk.prune({ by: 'self', remove: true })
      assert.deepEqual([kept.length, removed, spared.length], [1, [], 2])
      assert.equal((await stat(file)).size, bytes)
    })

    it('none while none was read back', async () => {
      await open({ to, recipients, keep: { daily: 1, weekly: 0, monthly: 0 } })
      for (const { file } of await createDaily(3)) {
        const content = await readFile(file)
        const sha256 = '0'.repeat(64)
        const made = {
          what: 'made',
          bytes: content.byteLength,
          sha256,
          lock: 'recipients',
        } as const
        await desk.records.add({ ...made, file, backupAt: clock.now(), by: 'self' })
      }
      const { removed } = await desk.prune({ by: 'self', remove: true })
      assert.deepEqual(removed, [])
    })
  })
})
