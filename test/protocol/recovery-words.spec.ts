import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isFailure } from '../../src/protocol/errors.ts'
import { seedToWords, wordsToSeed } from '../../src/protocol/recovery-words.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

/** From the test vectors of BIP 39 (github.com/trezor/python-mnemonic, vectors.json), those of 256 bits. */
const BIP_39: [seed: string, words: string][] = [
  ['00'.repeat(32), `${'abandon '.repeat(23)}art`],
  [
    '80'.repeat(32),
    `${'letter advice cage absurd amount doctor acoustic avoid '.repeat(3).slice(0, -'avoid '.length)}bless`,
  ],
  ['ff'.repeat(32), `${'zoo '.repeat(23)}vote`],
]
const WORDS = BIP_39[0]?.[1] ?? ''

describe('recovery words', () => {
  for (const [seed, words] of BIP_39) {
    it(`agree with BIP 39 for ${seed.slice(0, 4)}…`, () => {
      assert.equal(seedToWords(fromHex(seed)).join(' '), words)
      assert.equal(hex(wordsToSeed(words)), seed)
    })
  }

  it('give back any seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        assert.deepEqual(wordsToSeed(seedToWords(seed).join(' ')), seed)
      }),
    )
  })

  it('may be typed in capitals, on several lines', () => {
    assert.equal(
      hex(wordsToSeed(` ${WORDS.toUpperCase().replaceAll(' ', '\n\t ')}\n`)),
      '00'.repeat(32),
    )
  })

  const refused: [name: string, text: string, what: string][] = [
    ['no words', '', 'word count'],
    ['23 words', WORDS.replace('abandon ', ''), 'word count'],
    ['25 words', `abandon ${WORDS}`, 'word count'],
    ['12 words', `${'abandon '.repeat(11)}about`, 'word count'],
    ['a word of no list', WORDS.replace('art', 'arts'), 'unknown word'],
    ['the first letters of a word', WORDS.replace('abandon', 'aban'), 'unknown word'],
    ['a wrong last word', WORDS.replace('art', 'able'), 'checksum'],
    ['two words exchanged', `art ${'abandon '.repeat(23).trim()}`, 'checksum'],
  ]
  for (const [name, text, what] of refused) {
    it(`are refused: ${name}`, () => {
      assert.throws(
        () => wordsToSeed(text),
        (err) => isFailure(err, 'usage') && err.details.what === what,
      )
    })
  }

  it('are not repeated in the error that refuses them', () => {
    assert.throws(
      () => wordsToSeed(WORDS.replace('art', 'kithkith')),
      (err) => {
        assert.ok(err instanceof Error)
        assert.match(err.message, /word 24 is not in the list/)
        assert.doesNotMatch(`${err.message} ${String(err.cause)}`, /kithkith|abandon/)
        return true
      },
    )
  })

  it('exist for seeds of 32 bytes only', () => {
    assert.throws(() => seedToWords(new Uint8Array(16)), TypeError)
  })
})
