import assert from 'node:assert/strict'
import { MAX_RESULT_BYTES } from '../../../src/node/scheduler/artifact.ts'
import { ResultText } from '../../../src/node/scheduler/result-text.ts'

function textOf(...pieces: string[]): ResultText {
  const text = new ResultText()
  for (const piece of pieces) text.push(piece)
  return text
}

describe('result text', () => {
  it('is all that came, and its last line that says something', () => {
    const text = textOf('one\ntw', 'o\n', '\n')
    assert.deepEqual(text.content(), { content: 'one\ntwo\n\n' })
    assert.equal(text.lastLine, 'two')
    assert.deepEqual([textOf().content(), textOf().lastLine], [{ content: '' }, ''])
  })

  it('is whole up to its last byte, and cut between code points beyond', () => {
    const full = 'ü'.repeat(MAX_RESULT_BYTES / 2)
    assert.deepEqual(textOf(full).content(), { content: full })
    assert.deepEqual(textOf(`${full}x`).content(), { content: full, cut: true })
    const odd = textOf(`x${full}`).content()
    assert.equal(Buffer.byteLength(odd.content), MAX_RESULT_BYTES - 1)
    assert.equal(odd.cut, true)
  })

  it('takes no more memory than it keeps, and still knows the last line', () => {
    const text = new ResultText()
    for (let piece = 0; piece < 64; piece++) text.push('x'.repeat(MAX_RESULT_BYTES / 8))
    text.push('\nlast\n')
    assert.equal(text.lastLine, 'last')
    assert.equal(text.content().cut, true)
  })

  it('has no half of a secret at its end, where it is cut', () => {
    const secret = 'hunter2hunter2'
    const text = textOf('x'.repeat(MAX_RESULT_BYTES - 4), secret, 'y')
    const { content, cut } = text.content((all) => all.replaceAll(secret, '[]'))
    assert.equal(content.includes('hunt'), false)
    assert.equal(cut, undefined, 'without the secret, all of it has room')
  })

  it('is well-formed, whatever came', () => {
    assert.equal(textOf('a\ud800').content().content, 'a\ufffd')
  })
})
