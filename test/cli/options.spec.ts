import assert from 'node:assert/strict'
import { InvalidArgumentError } from 'commander'
import { collect, collectList, positiveInteger, wholeNumber } from '../../src/cli/options.ts'

describe('option values', () => {
  it('positiveInteger takes whole numbers from 1 on', () => {
    assert.equal(positiveInteger('1'), 1)
    assert.equal(positiveInteger('86400'), 86_400)
    for (const text of ['0', '-1', '1.5', '1e3', '0x10', '', ' 1', 'one', '9999999999']) {
      assert.throws(() => positiveInteger(text), InvalidArgumentError, text)
    }
  })

  it('wholeNumber takes 0 too', () => {
    assert.equal(wholeNumber('0'), 0)
    assert.throws(() => wholeNumber('-0'), InvalidArgumentError)
  })

  it('collect keeps all values of an option that is given again', () => {
    assert.deepEqual(collect('b', collect('a', undefined)), ['a', 'b'])
  })

  it('collectList takes commas too', () => {
    assert.deepEqual(collectList('b, c,', collectList('a', undefined)), ['a', 'b', 'c'])
  })
})
