import { modelMessageSchema } from 'ai'
import type { ModelMessage } from 'ai'
import { z } from 'zod'
import { KithError } from '../../../protocol/errors.ts'
import type { WantedCall } from './stream.ts'

/** Version of a checkpoint's form. */
const VERSION = 1

const count = z.int().nonnegative()

const threadSchema = z.strictObject({
  messages: z.array(modelMessageSchema),
  pending: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      input: z.unknown(),
      malformed: z.exactOptional(z.string()),
    }),
  ),
  steps: count,
  calls: count,
  place: count,
  said: z.string(),
})

const checkpointSchema = z.strictObject({ v: z.literal(VERSION), thread: threadSchema })

/** How far an ask has come: all that is needed to go on with it in another process. */
export interface Thread {
  /** What was said, from the session's history on. */
  messages: ModelMessage[]
  /** Calls of tools that the model wants and that have no result yet, the next one first. */
  pending: WantedCall[]
  /** Answers of a model so far. */
  steps: number
  /** Calls of tools so far. */
  calls: number
  /** Place of the model that answers. */
  place: number
  /** Text that went out. */
  said: string
}

/** A thread that begins with `messages`. */
export function newThread(messages: ModelMessage[]): Thread {
  return { messages, pending: [], steps: 0, calls: 0, place: 0, said: '' }
}

/** `thread` as JSON, in UTF-8. */
export function encodeThread(thread: Thread): Uint8Array {
  return Buffer.from(JSON.stringify({ v: VERSION, thread }))
}

/** The thread in a checkpoint. @throws {KithError} `corrupt` for bytes that are none of ours */
export function decodeThread(bytes: Uint8Array): Thread {
  try {
    return checkpointSchema.parse(JSON.parse(Buffer.from(bytes).toString())).thread
  } catch (err) {
    const what = 'checkpoint of the model engine'
    throw new KithError('corrupt', `the ${what} cannot be read`, { what }, { cause: err })
  }
}
