import assert from 'node:assert/strict'
import { encode as dagEncode, decode as dagDecode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { z } from 'zod'
import { decode, encode } from '../../src/protocol/cbor.ts'
import type { CborValue } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { MAX_CBOR_DEPTH, MAX_CBOR_ITEMS } from '../../src/protocol/limits.ts'
import { fromJson } from '../vectors/cbor-cases.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const vectors = readVectors(
  'cbor.json',
  z.strictObject({
    valid: z.array(z.strictObject({ name: z.string(), value: z.unknown(), hex: z.string() })),
    refused: z.array(z.strictObject({ name: z.string(), hex: z.string(), what: z.string() })),
  }),
)

describe('cbor', () => {
  for (const vector of vectors.valid) {
    it(`writes and reads ${vector.name}`, () => {
      const value = fromJson(vector.value) as CborValue
      assert.equal(hex(encode(value)), vector.hex)
      assert.deepEqual(decode(fromHex(vector.hex)), value)
    })
  }

  for (const vector of vectors.refused) {
    it(`refuses ${vector.name}`, () => {
      assert.equal(refusalOf(fromHex(vector.hex)), vector.what)
    })
  }

  for (const { name, value } of misuses()) {
    it(`has no encoding for ${name}`, () => {
      assert.throws(() => encode(value as CborValue), TypeError)
      assert.equal(hex(encode('the next value')), hex(dagEncode('the next value')))
    })
  }

  it('takes as many items as the limit says, and no more', () => {
    const full = new Array<number>(MAX_CBOR_ITEMS).fill(0)
    assert.deepEqual(decode(encode(full)), full)
    assert.throws(() => encode([...full, 0]), TypeError)
    assert.equal(refusalOf(dagEncode([...full, 0])), 'too many items')
  })

  it('counts keys and values of all maps together', () => {
    const halves = [MAX_CBOR_ITEMS / 4 - 1, MAX_CBOR_ITEMS / 4].map(mapOf)
    assert.deepEqual(decode(encode(halves)), halves)
    assert.equal(refusalOf(dagEncode([...halves, 0])), 'too many items')
  })

  it('takes as many levels of maps as the limit says, and no more', () => {
    assert.deepEqual(decode(encode(mapsDeep(MAX_CBOR_DEPTH))), mapsDeep(MAX_CBOR_DEPTH))
    assert.throws(() => encode(mapsDeep(MAX_CBOR_DEPTH + 1)), TypeError)
    assert.equal(refusalOf(dagEncode(mapsDeep(MAX_CBOR_DEPTH + 1))), 'too deep')
  })

  it('writes minus zero as zero', () => {
    assert.equal(hex(encode(-0)), '00')
  })

  it('says where reading stopped', () => {
    assert.throws(() => decode(fromHex('83010219')), {
      code: 'malformed',
      details: { what: 'truncated', offset: 4 },
    })
  })

  it('returns views on the input, not copies', () => {
    const bytes = encode(Uint8Array.of(1, 2))
    const value = decode(bytes)
    bytes[1] = 9
    assert.deepEqual(value, Uint8Array.of(9, 2))
  })

  it('reads a view that starts inside its buffer', () => {
    const whole = Uint8Array.of(0xff, ...encode({ a: Uint8Array.of(7) }), 0xff)
    assert.deepEqual(decode(whole.subarray(1, -1)), { a: Uint8Array.of(7) })
  })

  it('reads a Buffer into plain Uint8Arrays', () => {
    assert.deepEqual(decode(Buffer.from('4101', 'hex')), Uint8Array.of(1))
  })

  it('keeps an encoding as it was when later values are encoded', () => {
    const large = 'x'.repeat(100_000)
    const first = encode({ a: 1 })
    const second = encode(large)
    encode({ b: 2 })
    assert.deepEqual(decode(first), { a: 1 })
    assert.equal(decode(second), large)
  })

  it('tells short texts of one length apart', () => {
    const texts = Array.from({ length: 5_000 }, (_, i) => `k${i}`)
    assert.deepEqual(decode(encode(texts)), texts)
    assert.deepEqual(decode(encode(texts)), texts)
  })

  it('writes what @ipld/dag-cbor writes, and reads it back', () => {
    fc.assert(
      fc.property(cborValue(), (value) => {
        const bytes = encode(value)
        assert.deepEqual(bytes, new Uint8Array(dagEncode(value)))
        assert.deepEqual(decode(bytes), value)
      }),
      { numRuns: 1_000 },
    )
  })

  it('accepts of random bytes only what @ipld/dag-cbor reads alike', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), checkAgainstDagCbor), {
      numRuns: 5_000,
    })
  })

  it('accepts of mutated encodings only what @ipld/dag-cbor reads alike', () => {
    fc.assert(
      fc.property(
        cborValue(),
        fc.array(mutation(), { minLength: 1, maxLength: 4 }),
        (value, all) => {
          const bytes = all.reduce(mutate, encode(value))
          checkAgainstDagCbor(bytes)
        },
      ),
      { numRuns: 3_000 },
    )
  })
})

/** `decode` gives a value that encodes to these bytes and that dag-cbor reads alike, or `malformed`. */
function checkAgainstDagCbor(bytes: Uint8Array): void {
  let value: CborValue
  try {
    value = decode(bytes)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    return
  }
  assert.deepEqual(encode(value), bytes)
  assert.deepEqual(dagDecode(bytes), value)
}

function refusalOf(bytes: Uint8Array): string {
  try {
    decode(bytes)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    assert.ok(err.details.offset !== undefined && err.details.offset <= bytes.byteLength)
    return err.details.what
  }
  return 'accepted'
}

function misuses(): { name: string; value: unknown }[] {
  const cycle: unknown[] = []
  cycle.push(cycle)
  return [
    { name: 'a fraction', value: 1.5 },
    { name: 'an infinity', value: Infinity },
    { name: 'not-a-number', value: NaN },
    { name: '2^53', value: 2 ** 53 },
    { name: '−2^53', value: -(2 ** 53) },
    { name: 'a bigint', value: 1n },
    { name: 'undefined', value: undefined },
    { name: 'an undefined item', value: [undefined] },
    { name: 'an undefined field', value: { a: undefined } },
    { name: 'a function', value: () => 0 },
    { name: 'a lone surrogate', value: 'a\ud800' },
    { name: 'a lone surrogate in a long text', value: `${'a'.repeat(30)}\udc00` },
    { name: 'a lone surrogate in a key', value: { '\ud800': 1 } },
    { name: 'a key __proto__', value: Object.fromEntries([['__proto__', 1]]) },
    { name: 'a date', value: new Date(0) },
    { name: 'a map object', value: new Map([['a', 1]]) },
    { name: 'a 16-bit array', value: new Uint16Array(1) },
    { name: 'a cycle', value: cycle },
  ]
}

function cborValue(): fc.Arbitrary<CborValue> {
  const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }))
  const key = text.filter((name) => name !== '__proto__')
  const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom<CborValue>(null, true, false),
      fc.maxSafeInteger().map((n) => n + 0),
      fc.integer({ min: -70_000, max: 70_000 }).map((n) => n + 0),
      text,
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('value'), { maxLength: 30 }),
      fc.dictionary(key, tie('value'), { maxKeys: 10, noNullPrototype: true }),
    ),
  }))
  return value
}

interface Mutation {
  kind: 'flip' | 'insert' | 'remove' | 'cut'
  at: number
  byte: number
}

function mutation(): fc.Arbitrary<Mutation> {
  return fc.record({
    kind: fc.constantFrom('flip', 'insert', 'remove', 'cut'),
    at: fc.nat(),
    byte: fc.integer({ min: 1, max: 255 }),
  })
}

function mutate(bytes: Uint8Array, { kind, at, byte }: Mutation): Uint8Array {
  const place = bytes.byteLength === 0 ? 0 : at % bytes.byteLength
  const before = bytes.subarray(0, place)
  const after = bytes.subarray(place + 1)
  switch (kind) {
    case 'flip':
      return Uint8Array.of(...before, (bytes[place] ?? 0) ^ byte, ...after)
    case 'insert':
      return Uint8Array.of(...before, byte, ...bytes.subarray(place))
    case 'remove':
      return Uint8Array.of(...before, ...after)
    case 'cut':
      return before
  }
}

function mapOf(entries: number): Record<string, CborValue> {
  return Object.fromEntries(Array.from({ length: entries }, (_, i) => [`k${i}`, i]))
}

function mapsDeep(depth: number): CborValue {
  return depth === 0 ? null : { a: mapsDeep(depth - 1) }
}
