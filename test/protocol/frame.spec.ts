import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import { isFailure } from '../../src/protocol/errors.ts'
import { FrameDecoder, encodeFrame, prefixBytes, writePrefix } from '../../src/protocol/frame.ts'
import { MAX_FRAME_BYTES } from '../../src/protocol/limits.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const vectors = readVectors(
  'frames.json',
  z.strictObject({
    valid: z.array(
      z.strictObject({ name: z.string(), bodies: z.array(z.string()), hex: z.string() }),
    ),
    lengths: z.array(z.strictObject({ bytes: z.int(), prefix: z.string() })),
    refused: z.array(z.strictObject({ name: z.string(), hex: z.string(), code: z.string() })),
  }),
)

describe('frame', () => {
  for (const { name, bodies, hex: bytes } of vectors.valid) {
    it(`is written as its vector says: ${name}`, () => {
      assert.equal(bodies.map((body) => hex(encodeFrame(fromHex(body)))).join(''), bytes)
    })

    it(`is read however its bytes are cut: ${name}`, () => {
      const whole = fromHex(bytes)
      for (let cut = 0; cut <= whole.byteLength; cut++) {
        const chunks = [whole.subarray(0, cut), whole.subarray(cut)]
        assert.deepEqual(read(chunks).map(hex), bodies, `cut at ${cut}`)
      }
      assert.deepEqual(read(Array.from(whole, (byte) => Uint8Array.of(byte))).map(hex), bodies)
    })
  }

  for (const { bytes, prefix } of vectors.lengths) {
    it(`has the prefix ${prefix} for ${bytes} bytes`, () => {
      const into = new Uint8Array(8).fill(0xee)
      const end = writePrefix(bytes, into, 2)
      assert.equal(hex(into.subarray(2, end)), prefix)
      assert.equal(prefixBytes(bytes), end - 2)
      assert.equal(hex(into), `eeee${prefix}`.padEnd(16, 'e'))
    })

    it(`of ${bytes} bytes is read back`, () => {
      const body = new Uint8Array(bytes).fill(7)
      const frame = encodeFrame(body)
      assert.equal(hex(frame.subarray(0, prefixBytes(bytes))), prefix)
      assert.deepEqual(read([frame.subarray(0, 2), frame.subarray(2)]), [body])
    })
  }

  for (const { name, hex: bytes, code } of vectors.refused) {
    it(`is refused as ${code}: ${name}`, () => {
      assert.throws(() => new FrameDecoder().push(fromHex(bytes)), { code })
    })
  }

  it('is refused by its prefix alone, one byte over the limit and not at it', () => {
    const decoder = new FrameDecoder(300)
    assert.deepEqual(decoder.push(fromHex('ac02')), [])
    assert.throws(() => new FrameDecoder(300).push(fromHex('ad02')), {
      code: 'too-large',
      details: { bytes: 301, limitBytes: 300 },
    })
  })

  it('is not written over the limit, and is at it', () => {
    assert.equal(encodeFrame(new Uint8Array(MAX_FRAME_BYTES)).byteLength, MAX_FRAME_BYTES + 3)
    const details = { bytes: MAX_FRAME_BYTES + 1, limitBytes: MAX_FRAME_BYTES }
    assert.throws(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1)), {
      code: 'too-large',
      details,
    })
    assert.throws(() => writePrefix(MAX_FRAME_BYTES + 1, new Uint8Array(8), 0), {
      code: 'too-large',
      details,
    })
  })

  it('that lies in one chunk is a view of it, and no copy', () => {
    const chunk = Buffer.concat([encodeFrame(fromHex('01')), encodeFrame(fromHex('0203'))])
    const [first, second] = new FrameDecoder().push(chunk)
    assert.equal(first?.buffer, chunk.buffer)
    assert.equal(second?.buffer, chunk.buffer)
  })

  it('that came in pieces outlives the chunks it came in', () => {
    const decoder = new FrameDecoder()
    const head = fromHex('020a')
    decoder.push(head)
    head.fill(0)
    assert.deepEqual(decoder.push(fromHex('0b')), [fromHex('0a0b')])
  })

  it('may end a stream only where none is half read', () => {
    const decoder = new FrameDecoder()
    assert.equal(decoder.idle, true)
    const idle = Array.from(fromHex('8101'), (byte) => {
      decoder.push(Uint8Array.of(byte))
      return decoder.idle
    })
    assert.deepEqual(idle, [false, false])
    decoder.push(new Uint8Array(128))
    assert.equal(decoder.idle, false)
    decoder.push(new Uint8Array(1))
    assert.equal(decoder.idle, true)
  })

  it('is read back, whatever is in it and however its bytes are cut', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 12 })
    fc.assert(
      fc.property(bodies, fc.array(fc.nat({ max: 300 })), (all, sizes) => {
        const bytes = Buffer.concat(all.map(encodeFrame))
        assert.deepEqual(read(cut(bytes, sizes)).map(hex), all.map(hex))
      }),
      { numRuns: 500 },
    )
  })

  it('is one of few things when its bytes are chance: bodies within the limit, or a typed error', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 })
    fc.assert(
      fc.property(chunks, fc.integer({ min: 1, max: 200 }), (all, limitBytes) => {
        const decoder = new FrameDecoder(limitBytes)
        let taken = 0
        let given = 0
        try {
          for (const chunk of all) {
            taken += chunk.byteLength
            for (const body of decoder.push(chunk)) {
              assert.ok(body.byteLength > 0 && body.byteLength <= limitBytes)
              given += body.byteLength
            }
            assert.ok(given < taken || taken === 0, 'more came out than went in')
          }
        } catch (err) {
          assert.ok(isFailure(err, 'too-large') || isFailure(err, 'malformed'), String(err))
        }
      }),
      { numRuns: 5_000 },
    )
  })

  it('takes the memory of one frame, however many bytes come after its prefix', () => {
    const decoder = new FrameDecoder()
    const frame = encodeFrame(new Uint8Array(MAX_FRAME_BYTES))
    decoder.push(frame.subarray(0, 3))
    const before = process.memoryUsage().arrayBuffers
    for (let at = 3; at < frame.byteLength - 1; at += 4_096) {
      decoder.push(frame.subarray(at, Math.min(at + 4_096, frame.byteLength - 1)))
    }
    const grown = process.memoryUsage().arrayBuffers - before
    assert.ok(grown <= MAX_FRAME_BYTES, `${grown} bytes more`)
  })
})

/** All bodies in these chunks. */
function read(chunks: readonly Uint8Array[]): Uint8Array[] {
  const decoder = new FrameDecoder()
  const bodies = chunks.flatMap((chunk) => decoder.push(chunk))
  assert.equal(decoder.idle, true)
  return bodies
}

/** `bytes` in pieces of these sizes, the rest in one. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let at = 0
  const chunks = sizes.map((size) => bytes.subarray(at, (at += size)))
  return [...chunks, bytes.subarray(at)]
}
