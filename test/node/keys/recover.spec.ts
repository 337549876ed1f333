import assert from 'node:assert/strict'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createIdentity, openIdentity, readIdentity } from '../../../src/node/identity.ts'
import {
  checkRecoveryWords,
  commitRecovery,
  prepareRecovery,
} from '../../../src/node/keys/recover.ts'
import { retire } from '../../../src/node/keys/retire.ts'
import { dropSuperseded, settleKeys } from '../../../src/node/keys/superseded.ts'
import { publicKeyOf } from '../../../src/protocol/ed25519.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { seedToWords, wordsToSeed } from '../../../src/protocol/recovery-words.ts'
import { sha256 } from '../../../src/protocol/sha256.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import {
  CLEAR,
  contentOf,
  keyNames,
  namesInForce,
  namesOf,
  rotateHere,
} from '../../helpers/key-homes.ts'
import { keyInUsePath } from '../../helpers/key-paths.ts'
import { filesWith } from '../../helpers/search-secret.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

const AT = NOW + 10

describe('recovery', () => {
  const folder = tempFolder()
  let home: string
  let id: string
  let words: string

  beforeEach(async () => {
    home = join(folder(), 'home')
    const made = await createIdentity(home, CLEAR, NOW)
    id = made.identity.id
    words = made.recoveryWords.join(' ')
  })

  async function recover(log?: readonly Uint8Array[]) {
    const init = { words, at: AT, protection: CLEAR, ...(log === undefined ? {} : { log }) }
    const prepared = await prepareRecovery(home, init)
    return { ...prepared, identity: await commitRecovery(home, prepared) }
  }

  it('brings three new keys into force, the recovery key of them kept nowhere', async () => {
    const before = validateKeyLog((await readIdentity(home)).log)
    const { identity, recoveryWords } = await recover()
    assert.equal(identity.id, id)
    assert.deepEqual(await openIdentity(home, undefined), identity)
    const state = validateKeyLog(identity.log, id)
    assert.equal(state.rotated?.why, 'recovery')
    assert.notDeepEqual(state.keyInForce, before.keyInForce)
    assert.notDeepEqual(state.nextCommitment, before.nextCommitment)
    const recovery = wordsToSeed(recoveryWords.join(' '))
    assert.deepEqual(state.recoveryCommitment, sha256(publicKeyOf(recovery)))
    assert.deepEqual(await filesWith(home, recovery), [])
    await dropSuperseded(home, AT)
    assert.deepEqual(await keyNames(home), await namesInForce(home))
    assert.deepEqual((await readdir(home)).sort(), ['identity.json', 'keys'])
  })

  it('is proved to be possible without changing anything', async () => {
    const before = await contentOf(home)
    assert.deepEqual(await checkRecoveryWords(home, words), { id, sn: 1 })
    await rotateHere(home)
    assert.deepEqual(await checkRecoveryWords(home, words), { id, sn: 2 })
    const { log } = await readIdentity(home)
    assert.deepEqual(await checkRecoveryWords(home, words, log.slice(0, 1)), { id, sn: 1 })
    assert.notDeepEqual(await contentOf(home), before)
  })

  it('is possible once by the same words, then by those that were shown', async () => {
    const { recoveryWords } = await recover()
    await assert.rejects(checkRecoveryWords(home, words), { code: 'wrong-words' })
    words = recoveryWords.join(' ')
    const { identity } = await recover()
    assert.equal(validateKeyLog(identity.log, id).sn, 2)
  })

  it('changes nothing of the identity before it is committed, and is swept at the next start', async () => {
    const before = await contentOf(home)
    await prepareRecovery(home, { words, at: AT, protection: CLEAR })
    assert.equal((await openIdentity(home, undefined)).log.length, 1)
    await settleKeys(home, AT)
    assert.deepEqual(await contentOf(home), before)
    await checkRecoveryWords(home, words)
  })

  it('leaves the new rotation key off the host, if that is wanted', async () => {
    const prepared = await prepareRecovery(home, {
      words,
      at: AT,
      protection: CLEAR,
      rotationKeyOffHost: true,
    })
    const { log } = await commitRecovery(home, prepared)
    const rotating = wordsToSeed(prepared.rotationWords?.join(' ') ?? '')
    assert.deepEqual(validateKeyLog(log).nextCommitment, sha256(publicKeyOf(rotating)))
    assert.deepEqual(await filesWith(home, rotating), [])
    await settleKeys(home, AT)
    assert.deepEqual(await keyNames(home), namesOf(await keyInUsePath(home)))
  })

  it('works when the key in use and its passphrase are lost', async () => {
    await rm(await keyInUsePath(home))
    await recover()
    await openIdentity(home, undefined)
  })

  it('undoes a rotation, and drops the keys that are in no log then', async () => {
    const { log } = await rotateHere(home)
    const { identity } = await recover(log.slice(0, 1))
    assert.equal(identity.log.length, 2)
    assert.equal(validateKeyLog(identity.log, id).rotated?.why, 'recovery')
    await settleKeys(home, AT)
    assert.deepEqual(await keyNames(home), await namesInForce(home))
  })

  it('goes on from a longer log that others hold, such as that of a thief', async () => {
    const stolen = join(folder(), 'stolen')
    await cp(home, stolen, { recursive: true })
    const { log } = await rotateHere(stolen)
    const { identity } = await recover(log)
    assert.deepEqual(identity.log.slice(0, 2), log)
    await settleKeys(home, AT)
    assert.deepEqual(await keyNames(home), await namesInForce(home))
  })

  it('makes a home from the words and a log that others hold', async () => {
    const { log } = await rotateHere(home)
    home = join(folder(), 'new')
    await assert.rejects(recover(), { code: 'no-identity' })
    const { identity } = await recover(log)
    assert.equal(identity.id, id)
    await settleKeys(home, AT)
    assert.deepEqual(await openIdentity(home, undefined), identity)
    assert.deepEqual((await readdir(home)).sort(), ['identity.json', 'keys'])
  })

  it('undoes a retirement', async () => {
    await retire(home, { at: NOW + 1, passphrase: undefined })
    const { identity } = await recover()
    assert.equal(validateKeyLog(identity.log, id).sn, 1)
    assert.deepEqual(await openIdentity(home, undefined), identity)
  })

  describe('is refused, and nothing is changed,', () => {
    let before: Record<string, string>

    beforeEach(async () => {
      before = await contentOf(home)
    })

    afterEach(async () => {
      assert.deepEqual(await contentOf(home), before)
    })

    it('with the words of another key, or of none', async () => {
      for (const [wrong, code] of [
        [seedToWords(seedOf('other')).join(' '), 'wrong-words'],
        [words.split(' ').slice(1).join(' '), 'usage'],
      ] as const) {
        await assert.rejects(checkRecoveryWords(home, wrong), { code })
        words = wrong
        await assert.rejects(recover(), { code })
      }
    })

    it('with the words that have ended the node', async () => {
      await retire(home, { at: NOW + 1, words })
      before = await contentOf(home)
      const refusal = { code: 'retired', details: { id } }
      await assert.rejects(recover(), refusal)
      await assert.rejects(checkRecoveryWords(home, words), refusal)
    })

    it('with the log of another node', async () => {
      const other = join(folder(), 'other')
      const { identity, recoveryWords } = await createIdentity(other, CLEAR, NOW)
      words = recoveryWords.join(' ')
      await assert.rejects(recover(identity.log), { code: 'malformed' })
      await assert.rejects(checkRecoveryWords(home, words, identity.log), { code: 'malformed' })
    })

    it('with an empty passphrase for the new keys', async () => {
      const init = { words, at: AT, protection: { passphrase: '' } }
      await assert.rejects(prepareRecovery(home, init), { code: 'passphrase' })
      await settleKeys(home, AT)
    })
  })

  it('is refused when the log has changed since', async () => {
    const prepared = await prepareRecovery(home, { words, at: AT, protection: CLEAR })
    await rotateHere(home)
    const before = await contentOf(home)
    await assert.rejects(commitRecovery(home, prepared), { code: 'rotation-outdated' })
    assert.deepEqual(await contentOf(home), before)
  })

  it('is refused when its keys are gone', async () => {
    const prepared = await prepareRecovery(home, { words, at: AT, protection: CLEAR })
    await settleKeys(home, AT)
    await assert.rejects(commitRecovery(home, prepared), { code: 'rotation-outdated' })
    assert.equal((await openIdentity(home, undefined)).log.length, 1)
  })

  it('is refused over a log that cannot be read', async () => {
    await writeFile(join(home, 'identity.json'), '{}')
    await assert.rejects(recover(), { code: 'corrupt' })
  })
})
