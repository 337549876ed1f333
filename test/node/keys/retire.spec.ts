import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createIdentity, openIdentity, readIdentity } from '../../../src/node/identity.ts'
import { prepareRotation } from '../../../src/node/keys/rotate.ts'
import { exportRotationKey } from '../../../src/node/keys/rotation-key.ts'
import { retire } from '../../../src/node/keys/retire.ts'
import { dropSuperseded } from '../../../src/node/keys/superseded.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { seedToWords } from '../../../src/protocol/recovery-words.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { CLEAR, ROUTINE, contentOf, keyNames } from '../../helpers/key-homes.ts'
import { rotationKeyPath } from '../../helpers/key-paths.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

const AT = NOW + 10

describe('retirement', () => {
  const folder = tempFolder()
  let home: string
  let id: string
  let recoveryWords: string[]

  beforeEach(async () => {
    home = join(folder(), 'home')
    const made = await createIdentity(home, CLEAR, NOW)
    id = made.identity.id
    recoveryWords = made.recoveryWords
  })

  const ways: [by: string, init: () => Promise<Parameters<typeof retire>[1]>][] = [
    ['the rotation key of the host', () => Promise.resolve({ at: AT, passphrase: undefined })],
    ['the recovery words', () => Promise.resolve({ at: AT, words: recoveryWords.join(' ') })],
    [
      'the rotation words',
      async () => ({ at: AT, words: (await exportRotationKey(home, undefined)).join(' ') }),
    ],
  ]
  for (const [by, init] of ways) {
    it(`by ${by} leaves no key in force`, async () => {
      const { key, log, ...known } = await retire(home, await init())
      assert.equal(key, undefined)
      assert.equal(known.id, id)
      assert.equal(validateKeyLog(log, id).keyInForce, undefined)
      assert.deepEqual(await readIdentity(home), { ...known, log })
      const expected = { code: 'retired', details: { id }, hint: 'kith key recover' }
      await assert.rejects(openIdentity(home, undefined), expected)
      await assert.rejects(prepareRotation(home, ROUTINE), expected)
      await assert.rejects(retire(home, await init()), expected)
    })
  }

  it('leaves the keys until they are dropped', async () => {
    const before = await keyNames(home)
    await retire(home, { at: AT, passphrase: undefined })
    assert.deepEqual(await keyNames(home), before)
    await dropSuperseded(home, AT)
    assert.deepEqual(await keyNames(home), [])
  })

  it('gives up a rotation that is prepared', async () => {
    await prepareRotation(home, ROUTINE)
    await retire(home, { at: AT, passphrase: undefined })
    await dropSuperseded(home, AT)
    assert.deepEqual(Object.keys(await contentOf(home)), [join(home, 'identity.json')])
  })

  const refusals: [
    what: string,
    code: string,
    init: () => Partial<{ words: string }>,
    damage: () => Promise<void>,
  ][] = [
    [
      'by the words of another key',
      'wrong-words',
      () => ({ words: seedToWords(seedOf('other')).join(' ') }),
      () => Promise.resolve(),
    ],
    ['by no words of a key', 'usage', () => ({ words: 'word' }), () => Promise.resolve()],
    [
      'without words when the rotation key is off the host',
      'rotation-key-off-host',
      () => ({}),
      async () => {
        await rm(await rotationKeyPath(home))
      },
    ],
    [
      'by a rotation key that is damaged',
      'corrupt',
      () => ({}),
      async () => {
        await writeFile(await rotationKeyPath(home), '{}')
      },
    ],
  ]
  for (const [what, code, init, damage] of refusals) {
    it(`is refused ${what}, and nothing is changed`, async () => {
      await damage()
      const before = await contentOf(home)
      await assert.rejects(retire(home, { at: AT, passphrase: undefined, ...init() }), { code })
      assert.deepEqual(await contentOf(home), before)
    })
  }
})
