import assert from 'node:assert/strict'
import { fitsPattern, hasAllWords, wordsOf } from '../../src/agent/words.ts'

describe('words', () => {
  it('are what white space parts, in small letters', () => {
    assert.deepEqual(wordsOf('  Disk\n SDB\t'), ['disk', 'sdb'])
    assert.deepEqual(wordsOf(' \n'), [])
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
      assert.equal(fitsPattern('docs/notes.md', pattern), fits)
    })
  }

  it('a pattern of many stars takes no longer than the text', () => {
    assert.equal(fitsPattern('a'.repeat(100_000), 'a*'.repeat(1_000) + 'b'), false)
  })
})
