import { z } from 'zod'
import { readVectors } from './read.ts'

const text = z.string()

/** The vectors of invites: byte strings in `fields` are hex. */
export const inviteVectors = readVectors(
  'invites.json',
  z.strictObject({
    seed: text,
    valid: z.array(
      z.strictObject({
        name: text,
        fields: z.looseObject({ id: text, exp: z.int() }),
        statement: text,
        link: text,
      }),
    ),
    refused: z.array(z.strictObject({ name: text, why: text, text, now: z.int() })),
  }),
)
