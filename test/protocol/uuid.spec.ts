import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isUuidV7, uuidTime, uuidV7 } from '../../src/protocol/uuid.ts'

const MAX_TIME = 2 ** 48 - 1

describe('uuid', () => {
  it('is that of RFC 9562, appendix A.6', () => {
    // Its rand_a is CC3 and its rand_b 18C4DC0C0C07398F; what the version and variant replace is not random.
    const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex')
    assert.equal(uuidV7(0x017f22e279b0, random), '017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  })

  it('has version and variant set, whatever chance says', () => {
    assert.equal(uuidV7(0, new Uint8Array(10)), '00000000-0000-7000-8000-000000000000')
    const ones = new Uint8Array(10).fill(0xff)
    assert.equal(uuidV7(MAX_TIME, ones), 'ffffffff-ffff-7fff-bfff-ffffffffffff')
  })

  for (const length of [0, 9, 11, 16]) {
    it(`is not made of ${length} bytes of chance`, () => {
      assert.throws(() => uuidV7(0, new Uint8Array(length)), TypeError)
    })
  }

  const refused = [
    ['empty', ''],
    ['of version 4', '017f22e2-79b0-4cc3-98c4-dc0c0c07398f'],
    ['of version 8', '017f22e2-79b0-8cc3-98c4-dc0c0c07398f'],
    ['of variant 0', '017f22e2-79b0-7cc3-08c4-dc0c0c07398f'],
    ['of variant 110', '017f22e2-79b0-7cc3-c8c4-dc0c0c07398f'],
    ['in upper case', '017F22E2-79B0-7CC3-98C4-DC0C0C07398F'],
    ['without hyphens', '017f22e279b07cc398c4dc0c0c07398f'],
    ['one digit short', '017f22e2-79b0-7cc3-98c4-dc0c0c07398'],
    ['one digit long', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f0'],
    ['with a newline', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n'],
    ['with a separator of ours', '017f22e2-79b0-7cc3-98c4-dc0c0c0739!f'],
    ['in braces', '{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}'],
  ] as const
  for (const [name, text] of refused) {
    it(`is none when ${name}`, () => {
      assert.equal(isUuidV7(text), false)
    })
  }

  it('is read back with its time, and sorts by it', () => {
    const at = fc.integer({ min: 0, max: MAX_TIME })
    const random = fc.uint8Array({ minLength: 10, maxLength: 10 })
    fc.assert(
      fc.property(at, random, at, random, (a, chanceA, b, chanceB) => {
        const [first, second] = [uuidV7(a, chanceA), uuidV7(b, chanceB)]
        assert.ok(isUuidV7(first))
        assert.equal(uuidTime(first), a)
        if (a < b) assert.ok(first < second)
      }),
      { numRuns: 1_000 },
    )
  })
})
