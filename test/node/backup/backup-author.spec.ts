import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { authorOf } from '../../../src/node/backup/backup-author.ts'
import type { Wanted } from '../../../src/node/backup/backup-author.ts'
import { describeIdentity } from '../../../src/node/backup/describe-identity.ts'
import { drillBackup } from '../../../src/node/backup/drill.ts'
import type { DrillReport } from '../../../src/node/backup/drill.ts'
import { restoreBackup, verifyFile } from '../../../src/node/backup/home-backups.ts'
import type { RestoreReport } from '../../../src/node/backup/home-backups.ts'
import { signingBy } from '../../../src/node/backup/sign-backup.ts'
import type { VerifyReport } from '../../../src/node/control/api.ts'
import { homeOf } from '../../../src/node/home.ts'
import type { Home } from '../../../src/node/home.ts'
import { createIdentity, openIdentity, readIdentity } from '../../../src/node/identity.ts'
import { keyLogFile } from '../../../src/node/keys/own-log.ts'
import { Self } from '../../../src/node/self.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { FileChanged } from '../../../src/store/backup/archive-writer.ts'
import { BACKUP_VERSION, encodeManifest } from '../../../src/store/backup/manifest.ts'
import type { Manifest } from '../../../src/store/backup/manifest.ts'
import { verifyBackup } from '../../../src/store/backup/read-backup.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { manifestOf } from '../../helpers/backup-bytes.ts'
import { backUpHere } from '../../helpers/backup-home.ts'
import { forgedBackup, signedWith } from '../../helpers/forged-backup.ts'
import type { SignForged } from '../../helpers/forged-backup.ts'
import { begin, recover, rotate } from '../../helpers/key-branch.ts'
import type { Branch } from '../../helpers/key-branch.ts'
import { CLEAR, ROUTINE, rotateHere } from '../../helpers/key-homes.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

/** A node that is not the one of the home. */
const OTHER = validateKeyLog(begin('other').events).id

describe('the author of a backup', () => {
  const folder = tempFolder()
  let home: Home
  let file: string
  let identity: string
  let recipient: string

  before(async () => {
    identity = await generateX25519Identity()
    recipient = await identityToRecipient(identity)
  })
  beforeEach(async () => {
    home = homeOf({ KITH_HOME: join(folder(), 'home') }, undefined)
    file = join(folder(), 'a.age')
    await mkdir(home.path, { mode: 0o700 })
    await createIdentity(home.path, CLEAR, NOW)
  })

  /** Backs the home up, as its node does. */
  async function backUp(isSigned = true): Promise<void> {
    const sign = signingBy(new Self(await openIdentity(home.path, undefined)))
    await backUpHere({
      ...{ home: home.path, describe: describeIdentity, to: file },
      lock: { recipients: [recipient] },
      ...(isSigned ? { sign } : {}),
    })
  }

  /** Puts what a stranger makes in the place of the backup. */
  async function forge(
    events: Uint8Array[],
    sign?: SignForged,
    change?: Partial<Manifest>,
  ): Promise<void> {
    await writeFile(file, await forgedBackup(recipient, events, sign, change))
  }

  const key = (): { identities: string[] } => ({ identities: [identity] })
  const onProgress = (): void => undefined

  async function verify(wanted: Wanted = {}): Promise<VerifyReport> {
    return await verifyFile(file, { key: key(), sha256: '', home, wanted }, onProgress)
  }

  async function drill(wanted: Wanted = {}): Promise<DrillReport> {
    return await drillBackup({ file, key: key(), home, passphrase: undefined, wanted, onProgress })
  }

  async function restore(wanted: Wanted = {}): Promise<RestoreReport> {
    return await restoreBackup({ file, key: key(), home, dryRun: false, wanted, onProgress })
  }

  /** The home goes, and with it all that knows its node. */
  async function loseHome(): Promise<void> {
    await rename(home.path, join(folder(), 'lost'))
  }

  async function ownLog(): Promise<Uint8Array[]> {
    return (await readIdentity(home.path)).log
  }

  /** None of the three ways takes it, for the same reason, and nothing is changed or left by any. */
  async function isRefused(why: RegExp, wanted: Wanted = {}): Promise<void> {
    const before = await readdir(folder(), { recursive: true })
    const report = await verify(wanted)
    assert.deepEqual([report.ok, report.found, report.author], [false, undefined, undefined])
    assert.match(report.why ?? '', why)
    const { findings, found, ok } = await drill(wanted)
    assert.deepEqual([ok, found, findings.map(({ state }) => state)], [false, undefined, ['fail']])
    assert.match(findings[0]?.what ?? '', why)
    await assert.rejects(restore(wanted), (err) => err instanceof Error && why.test(err.message))
    const after = await readdir(folder(), { recursive: true })
    // LevelDB gives its log a new number at each opening.
    const steady = (names: string[]): string[] =>
      names.filter((name) => !/store(\/|$)/.test(name)).toSorted()
    assert.deepEqual(steady(after), steady(before))
  }

  it('is the node of the home, and the log of the home says so', async () => {
    await backUp()
    const { id, words } = await readIdentity(home.path)
    const author = { node: id, words, proof: 'home' } as const
    assert.deepEqual((await verify()).author, author)
    assert.deepEqual((await drill()).author, author)
    assert.deepEqual((await restore()).author, author)
  })

  it('without a home is whoever the backup itself says, with the words to compare', async () => {
    await backUp()
    const { id, words } = await readIdentity(home.path)
    await loseHome()
    assert.deepEqual((await verify()).author, { node: id, words, proof: 'itself' })
    const { findings, ok } = await drill()
    const told = findings.find(({ check }) => check === 'author')
    assert.deepEqual(
      [ok, told?.state, told?.what.includes(words.join(' '))],
      [true, 'unchecked', true],
    )
    assert.deepEqual((await restore()).author, { node: id, words, proof: 'itself' })
  })

  it('without a home is checked where the node is named', async () => {
    await backUp()
    const { id } = await readIdentity(home.path)
    await loseHome()
    await isRefused(/is of another node/, { node: OTHER })
    assert.equal((await verify({ node: id })).author?.proof, 'named')
    assert.equal((await drill({ node: id })).author?.proof, 'named')
    await assert.rejects(restore({ node: 'kith1' }), (err) => isFailure(err, 'usage'))
    assert.equal((await restore({ node: id })).author.proof, 'named')
  })

  it('signs nothing that was read before a rotation or after it, but has it read once more', async () => {
    const digest = new Uint8Array(32)
    const aboutNow = async (): Promise<Pick<Manifest, 'node' | 'keyLog' | 'at'>> => ({
      ...describeIdentity(await readFile(join(home.path, 'identity.json'))),
      at: NOW,
    })
    const sign = signingBy(new Self(await openIdentity(home.path, undefined)))
    const before = await aboutNow()
    assert.ok(sign(digest, before).byteLength > 64)
    assert.throws(() => sign(digest, { ...before, node: OTHER }), FileChanged)
    await rotateHere(home.path)
    const after = await aboutNow()
    assert.throws(() => sign(digest, after), FileChanged)
  })

  describe('that knows a recipient and nothing else is found out', () => {
    it('with a home of this node, unsigned', async () => {
      await forge(await ownLog())
      await isRefused(/nobody has signed/)
      assert.equal((await verify({ allowUnsigned: true })).author?.proof, 'unsigned')
    })

    it('with a home of this node, signed by another key', async () => {
      await forge(await ownLog(), signedWith(begin('thief').seed))
      await isRefused(/not signed by the node that it says/)
      await isRefused(/not signed by the node that it says/, { allowUnsigned: true })
    })

    it('with a home of this node, on a machine that has no home', async () => {
      const log = await ownLog()
      const { id } = await readIdentity(home.path)
      await loseHome()
      await forge(log, signedWith(begin('thief').seed))
      await isRefused(/not signed by the node that it says/)
      await isRefused(/not signed by the node that it says/, { node: id })
    })

    it('with a home of a node of its own', async () => {
      const thief = begin('thief')
      await forge(thief.events, signedWith(thief.seed))
      await isRefused(/is of another node, kith1/)
      await isRefused(/is of another node, kith1/, { allowUnsigned: true })
    })

    it('with the log of a node of its own under the id of this one', async () => {
      const thief = begin('thief')
      const { id } = await readIdentity(home.path)
      await forge(thief.events, signedWith(thief.seed), { node: id })
      await isRefused(/not of the node that it says/)
    })

    it('with what the node has said of another backup', async () => {
      await backUp()
      const { statement } = await verifyBackup(file, key())
      await rm(file)
      await forge(await ownLog(), () => statement ?? Buffer.alloc(0))
      await isRefused(/signature is of another backup/)
    })
  })

  it('of one from before backups were signed is nobody, and it is taken by whoever says so', async () => {
    await backUp(false)
    await isRefused(/nobody has signed/)
    const wanted = { allowUnsigned: true }
    assert.equal((await verify(wanted)).author?.proof, 'unsigned')
    const { findings, ok } = await drill(wanted)
    const [, told] = findings
    assert.deepEqual([ok, told?.check, told?.state], [true, 'author', 'warn'])
    assert.equal((await restore(wanted)).author.proof, 'unsigned')
  })

  it('is found by its key then, though the node has rotated since', async () => {
    await backUp()
    await rotateHere(home.path)
    const author = (await verify()).author
    assert.deepEqual([author?.proof, author?.stolen], ['home', undefined])
    assert.equal((await restore()).author.proof, 'home')
  })

  it('is found by the log of the backup where that goes on after the one of the home', async () => {
    const log = await readFile(join(home.path, 'identity.json'))
    await rotateHere(home.path)
    await backUp()
    await writeFile(join(home.path, 'identity.json'), log, { mode: 0o600 })
    const { author, ok, summary } = await verify()
    assert.deepEqual([ok, author?.proof, summary?.sn], [true, 'home', 1])
  })

  it('may be a thief where its key was given up later as stolen, which is told', async () => {
    await backUp()
    await rotateHere(home.path, { ...ROUTINE, why: 'compromise', graceSeconds: 0 })
    assert.equal((await verify()).author?.stolen, true)
    const { findings, ok } = await drill()
    const told = findings.find(({ check }) => check === 'author')
    assert.deepEqual([ok, told?.state], [true, 'warn'])
    assert.equal((await restore()).author.stolen, true)
  })

  describe('beside a key log', () => {
    const owner = begin('owner')

    function judged(signer: Branch, own: Branch): ReturnType<typeof authorOf> {
      const log = keyLogFile(signer.events)
      const { head, id, sn } = validateKeyLog(signer.events)
      const keyLog = { sn, head: Buffer.from(head).toString('hex') }
      const manifest = manifestOf({}, { version: BACKUP_VERSION, node: id, keyLog, at: NOW })
      const statement = signedWith(signer.seed)(encodeManifest(manifest).slice(0, 32), manifest)
      const state = validateKeyLog(own.events)
      const trust = { own: { content: keyLogFile(own.events), events: own.events, state } }
      return authorOf({ manifest, statement, identity: log }, trust, NOW)
    }

    const stolen = (err: unknown): boolean =>
      isFailure(err, 'unproved-backup') && err.details.why === 'other-key'

    it('is a thief who has rotated, once the recovery key has taken the node back', () => {
      const thief = rotate(owner, 'thief')
      assert.throws(() => judged(thief, recover(owner, 'owner again')), stolen)
    })

    it('may be a thief where the recovery key has ended its key', () => {
      assert.equal(judged(owner, recover(owner, 'owner again')).stolen, true)
    })

    it('is the owner who has taken the node back, in the eyes of a home that a thief has rotated', () => {
      const own = rotate(owner, 'thief')
      assert.equal(judged(recover(owner, 'owner again'), own).proof, 'home')
    })

    it('is nobody where the rotation key has signed both logs', () => {
      assert.throws(() => judged(rotate(owner, 'one'), rotate(owner, 'other')), stolen)
    })

    it('is the node, whatever rotations of its own came after', () => {
      const later = rotate(rotate(owner, 'two'), 'three', { why: 'compromise' })
      // The key after which one was given up as stolen is not the one that has signed.
      assert.deepEqual(judged(owner, later).stolen, undefined)
      assert.equal(judged(rotate(owner, 'two'), later).stolen, true)
    })
  })
})
