/* The vectors of invites and pairings, read by the second reader: see `conformance.spec.ts`. */
import assert from 'node:assert/strict'
import { z } from 'zod'
import { read, write } from './cbor.ts'
import type { Value } from './cbor.ts'
import { isSigned, signWith } from './ed25519.ts'
import { peerId } from './ids.ts'
import { validate } from './key-log.ts'
import { commitmentTo, mac, readLink, readPairing, transcripts, words } from './pairing.ts'
import { Refused } from './refused.ts'
import { assertRefused, bytes, named, text, vectors } from './vectors.ts'

describe('conformance', () => {
  describe('of invites', () => {
    const { refused, valid } = vectors('invites.json', {
      seed: bytes,
      valid: z.array(
        z.strictObject({
          ...named,
          fields: z.record(text, z.unknown()),
          statement: bytes,
          link: text,
        }),
      ),
      refused: z.array(z.strictObject({ ...named, why: text, text, now: z.int() })),
    })

    it(`reads ${valid.length} links`, () => {
      for (const { fields, link, name, statement } of valid) {
        const invite = readLink(link, Number(fields['exp']) - 1)
        assert.deepEqual(write(invite), statement, name)
        const shown = [...invite].map(([key, value]) => [
          key,
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        ])
        assert.deepEqual(Object.fromEntries(shown), fields, name)
      }
    })

    it(`refuses ${refused.length} texts, each by the rule that comes first`, () => {
      for (const { name, now, text, why } of refused) {
        assert.throws(() => readLink(text, now), new Refused(why), name)
      }
    })
  })

  describe('of pairings', () => {
    const party = z.strictObject({ seed: bytes, id: text, peerId: text, log: z.array(bytes) })
    const { inviter, joiner, refused, secret, valid } = vectors('pairing.json', {
      secret: bytes,
      joiner: party,
      inviter: party,
      valid: z.array(
        z.strictObject({
          ...named,
          transcripts: z.array(bytes),
          words: z.array(text),
          messages: z.strictObject({ propose: bytes, offer: bytes, commit: bytes, done: bytes }),
        }),
      ),
      refused: z.array(z.strictObject({ ...named, hex: bytes })),
    })

    it(`says all four messages of ${valid.length}, and the words`, () => {
      for (const { messages, name, transcripts: expected, words: shown } of valid) {
        const [propose, offer, commit, done] = [
          readPairing(messages.propose),
          readPairing(messages.offer),
          readPairing(messages.commit),
          readPairing(messages.done),
        ]
        const made = transcripts(propose, offer, commit, {
          joiner: joiner.id,
          joinerPeerId: joiner.peerId,
          inviter: inviter.id,
          inviterPeerId: inviter.peerId,
        })
        const [t1, t2, t3, t4] = made
        assert.deepEqual(made, expected, name)
        assert.deepEqual(propose.get('mac'), mac(secret, t1), name)
        assert.deepEqual(offer.get('mac'), mac(secret, t2), name)
        assert.deepEqual(propose.get('commitment'), commitmentTo(bytesIn(commit, 'nonce')), name)
        assert.ok(isBy(joiner.seed, 'pair-commit', t3, bytesIn(commit, 'sig')), name)
        assert.ok(isBy(inviter.seed, 'pair-done', t4, bytesIn(done, 'sig')), name)
        assert.deepEqual(words(t4), shown, name)
        for (const bytes of Object.values(messages)) assert.deepEqual(write(read(bytes)), bytes)
      }
    })

    it(`is between nodes whose key logs say so`, () => {
      for (const { id, log, peerId: key, seed } of [joiner, inviter]) {
        const state = validate(log, id)
        assert.deepEqual(peerId(signWith(seed, 'icp', new Uint8Array()).publicKey), key)
        assert.equal(state.id, id)
      }
    })

    it(`refuses ${refused.length} that are no message`, () => {
      for (const { hex, name } of refused) assertRefused(() => readPairing(hex), name)
    })
  })
})

function bytesIn(message: Map<string, Value>, key: string): Uint8Array {
  const value = message.get(key)
  assert.ok(value instanceof Uint8Array)
  return value
}

function isBy(seed: Uint8Array, kind: string, over: Uint8Array, signature: Uint8Array): boolean {
  return isSigned(kind, over, signature, signWith(seed, kind, over).publicKey)
}
