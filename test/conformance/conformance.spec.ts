/*
 * A second reader of the vectors, written from PROTOCOL.md and from nothing else: it says whether that text is enough
 * to make another implementation, and whether the vectors are what it says.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { read, write } from './cbor.ts'
import type { Value } from './cbor.ts'
import { isSigned, signWith } from './ed25519.ts'
import { fingerprint, nodeId, peerId, readNodeId, readPublicKey } from './ids.ts'
import { prefix, readFrames, readMessage } from './link.ts'
import { assertRefused, bytes, named, text, vectors } from './vectors.ts'

describe('conformance', () => {
  it('is free of the code that it checks', () => {
    for (const file of readdirSync(import.meta.dirname)) {
      const source = readFileSync(new URL(file, import.meta.url), 'utf8')
      const imported = [...source.matchAll(/^(?:import|\}).* from '(.+)'$/gm)].map(
        ([, path = '']) => path,
      )
      const foreign = imported.filter((path) => !/^(node:|\.\/|@scure\/bip39\/|zod$)/.test(path))
      assert.deepEqual(foreign, [], file)
    }
  })

  describe('of encodings', () => {
    const { refused, valid } = vectors('cbor.json', {
      valid: z.array(z.strictObject({ ...named, value: z.unknown(), hex: bytes })),
      refused: z.array(z.strictObject({ ...named, hex: bytes, what: text })),
    })

    it(`reads and writes ${valid.length} values`, () => {
      for (const { name, value, hex } of valid) {
        assert.deepEqual(read(hex), fromJson(value), name)
        assert.deepEqual(write(fromJson(value)), hex, name)
      }
    })

    it(`refuses ${refused.length} that are none`, () => {
      for (const { name, hex } of refused) assertRefused(() => read(hex), name)
    })
  })

  describe('of signatures', () => {
    const statement = { bytes, publicKey: bytes, signature: bytes }
    const { kind, refused, valid, validWithoutSeed } = vectors('signed.json', {
      kind: text,
      valid: z.array(z.strictObject({ ...statement, seed: bytes })),
      validWithoutSeed: z.array(z.strictObject({ ...named, ...statement })),
      refused: z.array(z.strictObject({ ...named, ...statement })),
    })

    it(`makes ${valid.length}`, () => {
      for (const { bytes, publicKey, seed, signature } of valid) {
        const made = signWith(seed, kind, bytes)
        assert.equal(Buffer.compare(made.signature, signature), 0)
        assert.equal(Buffer.compare(made.publicKey, publicKey), 0)
      }
    })

    it(`takes ${valid.length + validWithoutSeed.length}`, () => {
      for (const { bytes, publicKey, signature } of [...valid, ...validWithoutSeed]) {
        assert.equal(isSigned(kind, bytes, signature, publicKey), true)
      }
    })

    it(`refuses ${refused.length}`, () => {
      for (const { bytes, name, publicKey, signature } of refused) {
        assert.equal(isSigned(kind, bytes, signature, publicKey), false, name)
      }
    })
  })

  describe('of node ids', () => {
    const { refused, valid } = vectors('node-ids.json', {
      valid: z.array(z.strictObject({ event: bytes, hash: bytes, id: text, words: z.array(text) })),
      refused: z.array(z.strictObject({ ...named, text })),
    })

    it(`makes and reads ${valid.length}, with their words`, () => {
      for (const { event, hash, id, words } of valid) {
        assert.equal(nodeId(event), id)
        assert.equal(Buffer.compare(readNodeId(id), hash), 0)
        assert.deepEqual(fingerprint(id), words)
      }
    })

    it(`refuses ${refused.length} texts`, () => {
      for (const { name, text } of refused) assertRefused(() => readNodeId(text), name)
    })
  })

  describe('of peer ids', () => {
    const { refused, valid } = vectors('peer-ids.json', {
      valid: z.array(
        z.strictObject({ publicKey: bytes, peerId: text, base64: text, base64url: text }),
      ),
      refused: z.array(z.strictObject({ ...named, text })),
    })

    it(`makes ${valid.length}, and reads them in all their forms`, () => {
      for (const { base64, base64url, peerId: id, publicKey } of valid) {
        assert.equal(peerId(publicKey), id)
        for (const form of [id, Buffer.from(publicKey).toString('hex'), base64, base64url]) {
          assert.equal(Buffer.compare(readPublicKey(form), publicKey), 0, form)
        }
      }
    })

    it(`refuses ${refused.length} texts`, () => {
      for (const { name, text } of refused) assertRefused(() => readPublicKey(text), name)
    })
  })

  describe('of frames', () => {
    const { lengths, refused, valid } = vectors('frames.json', {
      valid: z.array(z.strictObject({ ...named, bodies: z.array(bytes), hex: bytes })),
      lengths: z.array(z.strictObject({ bytes: z.int(), prefix: bytes })),
      refused: z.array(z.strictObject({ ...named, hex: bytes, code: text })),
    })

    it(`reads ${valid.length} streams, and writes ${lengths.length} lengths`, () => {
      for (const { bodies, hex, name } of valid) assert.deepEqual(readFrames(hex), bodies, name)
      for (const length of lengths) assert.deepEqual(prefix(length.bytes), length.prefix)
    })

    it(`refuses ${refused.length}`, () => {
      for (const { hex, name } of refused) assertRefused(() => readFrames(hex), name)
    })
  })

  describe('of messages', () => {
    const { refused, unknownCodes, valid } = vectors('messages.json', {
      valid: z.array(z.strictObject({ ...named, message: z.unknown(), hex: bytes })),
      unknownCodes: z.array(z.strictObject({ ...named, code: text, hex: bytes })),
      refused: z.array(z.strictObject({ ...named, what: text, hex: bytes })),
    })

    it(`reads and writes ${valid.length}`, () => {
      for (const { hex, message, name } of valid) {
        assert.deepEqual(readMessage(hex), fromJson(message), name)
        assert.deepEqual(write(fromJson(message)), hex, name)
      }
    })

    it(`takes ${unknownCodes.length} codes that it does not know`, () => {
      for (const { code, hex, name } of unknownCodes) {
        assert.equal(readMessage(hex).get('code'), code, name)
      }
    })

    it(`refuses ${refused.length}`, () => {
      for (const { hex, name } of refused) assertRefused(() => readMessage(hex), name)
    })
  })
})

/** A value as the vectors have it: bytes are `{"bytes": "<hex>"}`. */
function fromJson(json: unknown): Value {
  if (Array.isArray(json)) return json.map(fromJson)
  if (typeof json !== 'object' || json === null) return json as Value
  const entries = Object.entries(json)
  const [[key, value] = ['', undefined]] = entries
  if (entries.length === 1 && key === 'bytes' && typeof value === 'string') {
    return new Uint8Array(Buffer.from(value, 'hex'))
  }
  return new Map(entries.map(([key, value]) => [key, fromJson(value)]))
}
