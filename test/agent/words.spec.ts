import assert from 'node:assert/strict'
import {
  MAX_PATTERN_CHARS,
  MAX_WORDS,
  MAX_WORD_CHARS,
  hasAllWords,
  patternTest,
  wordsOf,
} from '../../src/agent/words.ts'

describe('words', () => {
  it('are what white space parts, in small letters', () => {
    assert.deepEqual(wordsOf('  Disk\n SDB\t'), ['disk', 'sdb'])
    assert.deepEqual(wordsOf(' \n'), [])
  })

  it('are taken once each', () => {
    assert.deepEqual(wordsOf('e E '.repeat(60_000)), ['e'])
  })

  it('are few and short', () => {
    const most = Array.from({ length: MAX_WORDS }, (_, i) => `w${i}`)
    assert.deepEqual(wordsOf(most.join(' ')), most)
    assert.throws(() => wordsOf([...most, 'more'].join(' ')), { code: 'bad-request' })
    const longest = 'w'.repeat(MAX_WORD_CHARS)
    assert.deepEqual(wordsOf(longest), [longest])
    assert.throws(() => wordsOf(`${longest}w`), { code: 'bad-request' })
  })

  const texts = [
    { text: 'The disk is sdb', words: ['sdb', 'disk'], all: true },
    { text: 'The disk is SDB', words: ['sdb'], all: true },
    { text: 'The disk', words: ['disk', 'sdb'], all: false },
    { text: 'anything', words: [], all: true },
  ]
  for (const { text, words, all } of texts) {
    it(`${all ? 'are' : 'are not'} all in "${text}": ${words.join(' ')}`, () => {
      assert.equal(hasAllWords(text, words), all)
    })
  }

  const patterns = [
    { pattern: '', fits: true },
    { pattern: 'NOTES', fits: true },
    { pattern: 'docs', fits: true },
    { pattern: '*', fits: true },
    { pattern: '*.md', fits: true },
    { pattern: 'docs/*', fits: true },
    { pattern: 'd*s*.MD', fits: true },
    { pattern: 'docs/notes.md*', fits: true },
    { pattern: 'docs/*/notes.md', fits: false },
    { pattern: '*.m', fits: false },
    { pattern: 'notes*', fits: false },
    { pattern: 'docs/notes.md*md', fits: false },
    { pattern: '[a-z]', fits: false },
  ]
  for (const { pattern, fits } of patterns) {
    it(`docs/notes.md ${fits ? 'fits' : 'does not fit'} "${pattern}"`, () => {
      assert.equal(patternTest(pattern)('docs/notes.md'), fits)
    })
  }

  it('a pattern of many stars takes no longer than the text', () => {
    const fits = patternTest('a*'.repeat(100) + 'b')
    assert.equal(fits('a'.repeat(100_000)), false)
  })

  it('a pattern is short', () => {
    const longest = '*'.repeat(MAX_PATTERN_CHARS)
    assert.equal(patternTest(longest)('docs/notes.md'), true)
    assert.throws(() => patternTest(`${longest}*`), { code: 'bad-request' })
  })
})
