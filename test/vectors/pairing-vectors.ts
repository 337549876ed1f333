import { z } from 'zod'
import { readVectors } from './read.ts'

const text = z.string()
const party = z.strictObject({ seed: text, id: text, peerId: text, log: z.array(text) })

/** The vectors of pairings: all bytes are hex. */
export const pairingVectors = readVectors(
  'pairing.json',
  z.strictObject({
    secret: text,
    joiner: party,
    inviter: party,
    valid: z.array(
      z.strictObject({
        name: text,
        transcripts: z.array(text),
        words: z.array(text),
        messages: z.strictObject({ propose: text, offer: text, commit: text, done: text }),
      }),
    ),
    refused: z.array(z.strictObject({ name: text, hex: text })),
  }),
)
