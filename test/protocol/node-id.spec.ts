import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import { isFailure } from '../../src/protocol/errors.ts'
import { fingerprintWords, isNodeId, nodeIdOf, parseNodeId } from '../../src/protocol/node-id.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex, sha256 } from '../vectors/seeds.ts'

const vectors = readVectors(
  'node-ids.json',
  z.strictObject({
    valid: z.array(
      z.strictObject({
        event: z.string(),
        hash: z.string(),
        id: z.string(),
        words: z.array(z.string()),
      }),
    ),
    refused: z.array(z.strictObject({ name: z.string(), text: z.string() })),
  }),
)

describe('node id', () => {
  for (const { event, hash, id, words } of vectors.valid) {
    it(`is ${id} for the event ${event === '' ? 'without bytes' : event}`, () => {
      assert.equal(nodeIdOf(fromHex(event)), id)
      assert.equal(isNodeId(id), true)
      assert.equal(hex(parseNodeId(id)), hash)
      assert.deepEqual(fingerprintWords(id), words)
    })
  }

  for (const { name, text } of vectors.refused) {
    it(`is not taken from text: ${name}`, () => {
      assert.equal(isNodeId(text), false)
      assert.throws(() => parseNodeId(text), isNotANodeId)
      assert.throws(() => fingerprintWords(text), isNotANodeId)
    })
  }

  it('has one text form for each hash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (event) => {
        assert.deepEqual(parseNodeId(nodeIdOf(event)), sha256(event))
      }),
    )
  })
})

function isNotANodeId(err: unknown): boolean {
  return isFailure(err, 'usage') && err.details.what === 'node id'
}
