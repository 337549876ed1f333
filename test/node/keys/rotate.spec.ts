import assert from 'node:assert/strict'
import { cp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createIdentity, openIdentity } from '../../../src/node/identity.ts'
import { readOwnLog } from '../../../src/node/keys/own-log.ts'
import {
  commitRotation,
  endorseHere,
  prepareRotation,
  preparedRotation,
} from '../../../src/node/keys/rotate.ts'
import type { PrepareRotationInit } from '../../../src/node/keys/rotate.ts'
import { dropSuperseded, giveUpPrepared } from '../../../src/node/keys/superseded.ts'
import { publicKeyOf } from '../../../src/protocol/ed25519.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { endorseRotation } from '../../../src/protocol/key-log-create.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { wordsToSeed } from '../../../src/protocol/recovery-words.ts'
import { sha256 } from '../../../src/protocol/sha256.ts'
import { openSecret } from '../../../src/store/keystore.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import {
  CLEAR,
  ROUTINE,
  contentOf,
  keyNames,
  namesOf,
  rotateHere,
} from '../../helpers/key-homes.ts'
import { keyInUsePath, rotationKeyPath } from '../../helpers/key-paths.ts'
import { sealKeys } from '../../helpers/sealed-keys.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

const PASSPHRASE = 'swordfish'
const DAY_MS = 86_400_000

const compromise: PrepareRotationInit = { ...ROUTINE, why: 'compromise', graceSeconds: 0 }

describe('rotation', () => {
  const folder = tempFolder()
  let home: string

  beforeEach(() => {
    home = join(folder(), 'home')
  })

  const keys = async (): Promise<string[]> => await keyNames(home)
  const content = async (): Promise<Record<string, string>> => await contentOf(home)

  for (const [how, protection, passphrase] of [
    ['in the clear', CLEAR, undefined],
    ['by a passphrase', { passphrase: PASSPHRASE }, PASSPHRASE],
  ] as const) {
    it(`brings new keys into force, kept ${how} as the old ones were`, async () => {
      const { identity: before } = await createIdentity(home, CLEAR, NOW)
      if (passphrase !== undefined) await sealKeys(home, passphrase)
      const after = await rotateHere(home, { ...ROUTINE, passphrase })
      assert.equal(after.id, before.id)
      assert.deepEqual(after.words, before.words)
      assert.notEqual(after.key, before.key)
      assert.deepEqual(await openIdentity(home, passphrase), after)
      const state = validateKeyLog(after.log, before.id)
      assert.deepEqual(state.keyInForce, publicKeyOf(after.secret))
      const rotating = await openSecret(await rotationKeyPath(home), passphrase)
      assert.deepEqual(rotating?.protection, protection)
      assert.deepEqual(sha256(publicKeyOf(rotating.secret)), state.nextCommitment)
      for (const key of await keys()) {
        assert.equal((await stat(join(home, 'keys', key))).mode & 0o777, 0o600)
      }
      assert.equal((await stat(join(home, 'keys'))).mode & 0o777, 0o700)
    })
  }

  it('is done again and again', async () => {
    const { identity } = await createIdentity(home, CLEAR, NOW)
    for (let sn = 1; sn <= 4; sn++) {
      const rotated = await rotateHere(home, {
        ...(sn % 2 === 0 ? ROUTINE : compromise),
        at: NOW + sn,
      })
      assert.equal(validateKeyLog(rotated.log, identity.id).sn, sn)
    }
    await dropSuperseded(home, NOW + 2 * DAY_MS)
    const left = namesOf(await keyInUsePath(home), await rotationKeyPath(home))
    assert.deepEqual(await keys(), left)
  })

  it('changes nothing of the identity before it is committed', async () => {
    await createIdentity(home, CLEAR, NOW)
    const before = await content()
    await prepareRotation(home, ROUTINE)
    await endorseHere(home, undefined)
    const after = await content()
    for (const [path, text] of Object.entries(before)) assert.equal(after[path], text, path)
    assert.equal((await openIdentity(home, undefined)).log.length, 1)
  })

  it('is given up without a trace', async () => {
    await createIdentity(home, CLEAR, NOW)
    const before = await content()
    await prepareRotation(home, ROUTINE)
    await giveUpPrepared(home, NOW)
    assert.deepEqual(await content(), before)
    await assert.rejects(endorseHere(home, undefined), { code: 'no-rotation', details: { home } })
  })

  it('gives up the one that was prepared before', async () => {
    await createIdentity(home, CLEAR, NOW)
    const [rotating, inUse] = [await rotationKeyPath(home), await keyInUsePath(home)]
    const { draft } = await prepareRotation(home, ROUTINE)
    const outdated = await endorseHere(home, undefined)
    const second = await prepareRotation(home, compromise)
    assert.notDeepEqual(second.draft.k, draft.k)
    assert.equal((await keys()).length, namesOf(rotating, inUse).length + 2)
    await assert.rejects(commitRotation(home, outdated, undefined), { code: 'malformed' })
    await commitRotation(home, await endorseHere(home, undefined), undefined)
  })

  it('keeps the key before for its grace, and the used rotation key not at all', async () => {
    await createIdentity(home, CLEAR, NOW)
    const before = await keyInUsePath(home)
    await rotateHere(home)
    const inForce = [await keyInUsePath(home), await rotationKeyPath(home)]
    const endsAt = ROUTINE.at + DAY_MS
    assert.equal(await dropSuperseded(home, endsAt - 1), endsAt)
    assert.deepEqual(await keys(), namesOf(before, ...inForce))
    assert.equal(await dropSuperseded(home, endsAt), undefined)
    assert.deepEqual(await keys(), namesOf(...inForce))
    assert.deepEqual((await readdir(home)).sort(), ['identity.json', 'keys'])
  })

  it('drops a key that may be in the hands of others at once', async () => {
    await createIdentity(home, CLEAR, NOW)
    const { log } = await rotateHere(home, { ...compromise, lastGoodAt: NOW })
    assert.equal(validateKeyLog(log).rotated?.lastGoodAt, NOW)
    assert.equal(await dropSuperseded(home, NOW + 1), undefined)
    assert.deepEqual(await keys(), namesOf(await keyInUsePath(home), await rotationKeyPath(home)))
  })

  it('drops nothing that its log does not name', async () => {
    await createIdentity(home, CLEAR, NOW)
    const older = await readFile(join(home, 'identity.json'))
    await rotateHere(home)
    const rotated = await keys()
    await rm(join(home, 'rotation.json'))
    await writeFile(join(home, 'identity.json'), older)
    await dropSuperseded(home, NOW + 2 * DAY_MS)
    assert.deepEqual(await keys(), rotated)
  })

  describe('with the rotation key off the host', () => {
    let rotationSeed: Uint8Array

    beforeEach(async () => {
      const { rotationWords = [] } = await createIdentity(home, CLEAR, NOW, {
        rotationKeyOffHost: true,
      })
      rotationSeed = wordsToSeed(rotationWords.join(' '))
    })

    it('waits for whoever has it, and makes no rotation key here', async () => {
      const prepared = await prepareRotation(home, ROUTINE)
      assert.equal(prepared.rotationKey, 'off-host')
      assert.deepEqual(await preparedRotation(home), prepared)
      assert.equal((await keys()).length, 2)
      const nextRotationKey = publicKeyOf(seedOf('next'))
      const endorsed = endorseRotation(prepared.draft, { rotationSeed, nextRotationKey })
      const after = await commitRotation(home, endorsed, undefined)
      const { nextCommitment } = validateKeyLog(after.log)
      assert.deepEqual(nextCommitment, sha256(nextRotationKey))
      assert.equal(await preparedRotation(home), undefined)
      await dropSuperseded(home, NOW + 2 * DAY_MS)
      assert.deepEqual(await keys(), namesOf(await keyInUsePath(home)))
    })

    it('is not endorsed here', async () => {
      await prepareRotation(home, compromise)
      await assert.rejects(endorseHere(home, undefined), {
        code: 'rotation-key-off-host',
        hint: 'kith key request',
      })
    })

    it('is refused with an endorsement by another key, and goes on waiting', async () => {
      const { draft } = await prepareRotation(home, { ...compromise, lastGoodAt: NOW })
      const before = await content()
      const endorsed = endorseRotation(draft, {
        rotationSeed: seedOf('thief'),
        nextRotationKey: publicKeyOf(seedOf('next')),
      })
      await assert.rejects(commitRotation(home, endorsed, undefined), { code: 'malformed' })
      assert.deepEqual(await content(), before)
      assert.deepEqual((await preparedRotation(home))?.draft, draft)
    })
  })

  describe('is refused, and nothing is changed,', () => {
    it('with a wrong passphrase, and without one', async () => {
      await createIdentity(home, CLEAR, NOW)
      await sealKeys(home, PASSPHRASE)
      const before = await content()
      for (const [passphrase, given] of [
        ['Swordfish', true],
        [undefined, false],
      ] as const) {
        const expected = { code: 'passphrase', details: { given } }
        await assert.rejects(prepareRotation(home, { ...ROUTINE, passphrase }), expected)
      }
      assert.deepEqual(await content(), before)
      await prepareRotation(home, { ...ROUTINE, passphrase: PASSPHRASE })
      const prepared = await content()
      await assert.rejects(endorseHere(home, 'Swordfish'), { code: 'passphrase' })
      const endorsed = await endorseHere(home, PASSPHRASE)
      await assert.rejects(commitRotation(home, endorsed, undefined), { code: 'passphrase' })
      assert.deepEqual(await content(), prepared)
    })

    it('when the log has changed since', async () => {
      await createIdentity(home, CLEAR, NOW)
      await prepareRotation(home, ROUTINE)
      const endorsed = await endorseHere(home, undefined)
      await commitRotation(home, endorsed, undefined)
      const before = await content()
      await assert.rejects(commitRotation(home, endorsed, undefined), {
        code: 'rotation-outdated',
      })
      await assert.rejects(endorseHere(home, undefined), { code: 'rotation-outdated' })
      assert.deepEqual(await content(), before)
    })

    it('for all but one of those who commit at the same time', async () => {
      await createIdentity(home, CLEAR, NOW)
      await prepareRotation(home, ROUTINE)
      const endorsed = await endorseHere(home, undefined)
      const commits = Array.from({ length: 3 }, () => commitRotation(home, endorsed, undefined))
      const ended = await Promise.allSettled(commits)
      const refused = ended.filter((end) => end.status === 'rejected')
      assert.deepEqual(
        refused.map(({ reason }) => isFailure(reason, 'rotation-outdated')),
        [true, true],
      )
    })

    it('when the home is by now that of another node', async () => {
      const other = join(folder(), 'other')
      await createIdentity(home, CLEAR, NOW)
      await createIdentity(other, CLEAR, NOW)
      await prepareRotation(home, ROUTINE)
      const endorsed = await endorseHere(home, undefined)
      await cp(other, home, { recursive: true })
      const before = await content()
      await assert.rejects(commitRotation(home, endorsed, undefined), {
        code: 'rotation-outdated',
      })
      assert.deepEqual(await content(), before)
      assert.deepEqual((await readOwnLog(home)).events, (await readOwnLog(other)).events)
    })

    for (const [which, at] of [
      ['key', 0],
      ['rotation key', 1],
    ] as const) {
      for (const [damage, what] of [
        [rm, 'gone'],
        [(path: string) => writeFile(path, '{}'), 'damaged'],
      ] as const) {
        it(`when the new ${which} is ${what}`, async () => {
          await createIdentity(home, CLEAR, NOW)
          const before = await keys()
          const { draft } = await prepareRotation(home, ROUTINE)
          const endorsed = await endorseHere(home, undefined)
          const inUse = `${Buffer.from(sha256(draft.k)).toString('hex', 0, 8)}.json`
          const made = (await keys()).filter((key) => !before.includes(key))
          const name = at === 0 ? inUse : (made.find((key) => key !== inUse) ?? '')
          await damage(join(home, 'keys', name))
          await assert.rejects(commitRotation(home, endorsed, undefined), {
            code: 'corrupt',
            details: { what: join(home, 'keys', name) },
          })
          assert.equal((await openIdentity(home, undefined)).log.length, 1)
        })
      }
    }

    it('when the rotation key is damaged', async () => {
      await createIdentity(home, CLEAR, NOW)
      await writeFile(await rotationKeyPath(home), '{}')
      await prepareRotation(home, ROUTINE)
      await assert.rejects(endorseHere(home, undefined), { code: 'corrupt' })
    })

    for (const [what, init] of [
      ['a compromised key that gets time', { ...compromise, graceSeconds: 1 }],
      ['more than a week of grace', { ...ROUTINE, graceSeconds: 604_801 }],
      ['a last good time of a routine rotation', { ...ROUTINE, lastGoodAt: NOW }],
    ] as const) {
      it(`for ${what}`, async () => {
        await createIdentity(home, CLEAR, NOW)
        const before = await content()
        await assert.rejects(prepareRotation(home, init), { code: 'malformed' })
        assert.deepEqual(await content(), before)
      })
    }

    it('while what was prepared cannot be read', async () => {
      await createIdentity(home, CLEAR, NOW)
      const path = join(home, 'rotation.json')
      await writeFile(path, '{"version":1}', { mode: 0o600 })
      const expected = { code: 'corrupt', details: { what: path }, hint: /^remove / }
      await assert.rejects(prepareRotation(home, ROUTINE), expected)
      await assert.rejects(preparedRotation(home), expected)
      await assert.rejects(endorseHere(home, undefined), expected)
    })

    it('where no node is', async () => {
      await assert.rejects(prepareRotation(home, ROUTINE), { code: 'no-identity' })
      await assert.rejects(preparedRotation(home), { code: 'no-identity' })
    })
  })
})
