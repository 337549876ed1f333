import { z } from 'zod'
import { readVectors } from './read.ts'
import { fromHex } from './seeds.ts'

const bytes = z.string().transform(fromHex)
const common = { at: z.int(), seed: bytes, rotationSeed: bytes }

/** How an event of a valid log was made. */
const made = z.discriminatedUnion('t', [
  z.strictObject({ t: z.literal('icp'), w: z.int(), recoverySeed: bytes, ...common }),
  z.strictObject({
    t: z.literal('rot'),
    why: z.enum(['routine', 'compromise']),
    grace: z.int(),
    lastGood: z.int().exactOptional(),
    ...common,
  }),
  z.strictObject({ t: z.literal('rec'), recoverySeed: bytes, ...common }),
  z.strictObject({ t: z.literal('end'), at: z.int(), by: z.enum(['rotation', 'recovery']) }),
])

/** What a valid log says, as `validateKeyLog` has it. */
const state = z
  .strictObject({
    id: z.string(),
    sn: z.int(),
    head: bytes,
    keyInForce: bytes.optional(),
    nextCommitment: bytes,
    recoveryCommitment: bytes,
    windowHours: z.int(),
    rotated: z
      .strictObject({
        before: bytes,
        why: z.enum(['routine', 'compromise', 'recovery']),
        graceSeconds: z.int(),
        at: z.int(),
        lastGoodAt: z.int().exactOptional(),
      })
      .exactOptional(),
  })
  // JSON has no undefined: a retired node has no key there.
  .transform(({ keyInForce, ...rest }) => ({ ...rest, keyInForce }))

/** The logs of `key-logs.json`. */
export const KEY_LOGS = readVectors(
  'key-logs.json',
  z.strictObject({
    nonce: bytes,
    valid: z.array(
      z.strictObject({ name: z.string(), made: z.array(made), events: z.array(bytes), state }),
    ),
    refused: z.array(
      z.strictObject({
        what: z.string(),
        name: z.string(),
        events: z.array(bytes),
        expectedId: z.string().optional(),
      }),
    ),
  }),
)

export type Made = z.infer<typeof made>
