import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createIdentity, openIdentity } from '../../../src/node/identity.ts'
import {
  exportRotationKey,
  forgetRotationKey,
  whereRotationKeyIs,
} from '../../../src/node/keys/rotation-key.ts'
import { seedToWords, wordsToSeed } from '../../../src/protocol/recovery-words.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { CLEAR } from '../../helpers/key-homes.ts'
import { keyInUsePath, rotationKeyPath } from '../../helpers/key-paths.ts'
import { sealKeys } from '../../helpers/sealed-keys.ts'
import { filesWith } from '../../helpers/search-secret.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

describe('the rotation key of a home', () => {
  const folder = tempFolder()
  let home: string

  beforeEach(() => {
    home = join(folder(), 'home')
  })

  it('is shown as words and stays, until it is forgotten by them; then it is on no disk', async () => {
    await createIdentity(home, CLEAR, NOW)
    assert.equal(await whereRotationKeyIs(home), 'here')
    const words = (await exportRotationKey(home, undefined)).join(' ')
    assert.deepEqual((await exportRotationKey(home, undefined)).join(' '), words)
    const secret = wordsToSeed(words)
    assert.deepEqual(await filesWith(home, secret), [await rotationKeyPath(home)])
    await forgetRotationKey(home, words)
    assert.deepEqual(await filesWith(home, secret), [])
    assert.equal(await whereRotationKeyIs(home), 'off-host')
    assert.deepEqual(await readdir(join(home, 'keys')), [basename(await keyInUsePath(home))])
    await openIdentity(home, undefined)
  })

  it('stays when the words are of another key, or of none', async () => {
    const { recoveryWords } = await createIdentity(home, CLEAR, NOW)
    for (const [words, code] of [
      [seedToWords(seedOf('other')), 'wrong-words'],
      [recoveryWords, 'wrong-words'],
      [['word'], 'usage'],
    ] as const) {
      await assert.rejects(forgetRotationKey(home, words.join(' ')), { code })
    }
    assert.equal(await whereRotationKeyIs(home), 'here')
  })

  it('is shown by the right passphrase alone', async () => {
    await createIdentity(home, CLEAR, NOW)
    await sealKeys(home, 'swordfish')
    for (const wrong of ['Swordfish', undefined]) {
      await assert.rejects(exportRotationKey(home, wrong), { code: 'passphrase' })
    }
    assert.equal((await exportRotationKey(home, 'swordfish')).length, 24)
  })

  it('cannot be shown or forgotten when it is not here', async () => {
    const { rotationWords = [] } = await createIdentity(home, CLEAR, NOW, {
      rotationKeyOffHost: true,
    })
    const expected = { code: 'rotation-key-off-host', hint: 'kith key request' }
    await assert.rejects(exportRotationKey(home, undefined), expected)
    await assert.rejects(forgetRotationKey(home, rotationWords.join(' ')), expected)
  })

  it('is nowhere where no node is', async () => {
    const expected = { code: 'no-identity' }
    await assert.rejects(whereRotationKeyIs(home), expected)
    await assert.rejects(exportRotationKey(home, undefined), expected)
    await assert.rejects(forgetRotationKey(home, 'x'), expected)
  })
})
