import assert from 'node:assert/strict'
import fc from 'fast-check'
import { microUsd } from '../../src/cli/ask-limits.ts'
import { usdText } from '../../src/cli/money-text.ts'

describe('money on the command line', () => {
  const amounts: [text: string, microUsd: number, shown: string][] = [
    ['0', 0, '$0.00'],
    ['0.000001', 1, '$0.000001'],
    ['0.1', 100_000, '$0.10'],
    // As a float times a million, these are 289999.99999999994 and 8200000.000000001.
    ['0.29', 290_000, '$0.29'],
    ['8.2', 8_200_000, '$8.20'],
    ['12', 12_000_000, '$12.00'],
    ['007.50', 7_500_000, '$7.50'],
    ['999999.999999', 999_999_999_999, '$999999.999999'],
  ]
  for (const [text, micro, shown] of amounts) {
    it(`takes ${text} for ${micro} millionths, and shows ${shown}`, () => {
      assert.equal(microUsd(text), micro)
      assert.equal(usdText(micro), shown)
    })
  }

  for (const text of [
    '',
    '.5',
    '5.',
    '0.0000001',
    '1,5',
    '1e3',
    '-1',
    '+1',
    '$1',
    '1000000',
    '１',
  ]) {
    it(`takes ${JSON.stringify(text)} for no amount`, () => {
      assert.throws(() => microUsd(text), /at most 6 digits/)
    })
  }

  it('reads back every amount that it shows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999 }), (micro) => {
        assert.equal(microUsd(usdText(micro).slice(1)), micro)
      }),
    )
  })
})
