import assert from 'node:assert/strict'
import { InvalidArgumentError } from 'commander'
import {
  collect,
  collectList,
  pointInTime,
  positiveInteger,
  seconds,
  wholeNumber,
} from '../../src/cli/options.ts'

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

  it('seconds takes a number with its unit, and a bare 0', () => {
    const spans = ['0', '0s', '90s', '30m', '24h', '7d'].map(seconds)
    assert.deepEqual(spans, [0, 0, 90, 1_800, 86_400, 604_800])
    for (const text of ['', '1', '-1h', '1.5h', '1w', 'h', '1 h', '12345678s']) {
      assert.throws(() => seconds(text), InvalidArgumentError, text)
    }
  })

  it('pointInTime takes a date, which begins here, and a time', () => {
    assert.equal(pointInTime('2026-11-21T09:00:00Z'), Date.UTC(2026, 10, 21, 9))
    assert.equal(pointInTime('2026-11-21T09:00:00+02:00'), Date.UTC(2026, 10, 21, 7))
    assert.equal(pointInTime('2026-11-21'), new Date(2026, 10, 21).getTime())
    for (const text of ['', '1', 'yesterday', '2026-13-01', '21.11.2026', '1969-12-31T00:00:00Z']) {
      assert.throws(() => pointInTime(text), InvalidArgumentError, text)
    }
  })

  it('collect keeps all values of an option that is given again', () => {
    assert.deepEqual(collect('b', collect('a', undefined)), ['a', 'b'])
  })

  it('collectList takes commas too', () => {
    assert.deepEqual(collectList('b, c,', collectList('a', undefined)), ['a', 'b', 'c'])
  })
})
