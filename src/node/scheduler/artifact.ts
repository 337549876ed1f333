import { z } from 'zod'
import { sha256 } from '../../protocol/sha256.ts'
import { bytes } from '../../protocol/verbs.ts'
import { EGRESS } from './job.ts'
import type { Job } from './job.ts'
import { SENSITIVITIES } from './job-result.ts'

/** Most of a result that is kept, in bytes of UTF-8. */
export const MAX_RESULT_BYTES = 1_048_576

/** What a person has said of a result. Nothing becomes `accepted` without one. */
export const REVIEW_STATES = ['unreviewed', 'accepted', 'rejected'] as const

const uint = z.int().nonnegative()
const digest = bytes.refine((hash) => hash.byteLength === 32, { message: 'no SHA-256' })

export const madeSchema = z.strictObject({
  /** What was asked, or which program was run. */
  prompt: z.string(),
  /** All that went along with it, as JSON. */
  context: z.string(),
  /** The result itself. */
  content: z.string(),
})

const sourceSchema = z.strictObject({
  /** What it is: a path in the workspace, an address, an ask or another artifact. */
  ref: z.string().min(1).max(1_024),
  /** SHA-256 of what was read there. */
  digest,
})

export const artifactSchema = z
  .strictObject({
    run: z.string(),
    job: z.string(),
    /** Id of the ask that made it, which peers know it by too; undefined where none did. */
    trace: z.exactOptional(z.string()),
    madeAt: uint,
    /** What it was made from. */
    sources: z.array(sourceSchema).max(256),
    /** What made it: `builtin`, `model`, `command`, `acp`, or a program. */
    engine: z.string(),
    /** `provider/model`, where a model did. */
    model: z.exactOptional(z.string()),
    /** SHA-256 of what was asked, and of all that went along with it. */
    prompt: digest,
    context: digest,
    sensitivity: z.enum(SENSITIVITIES),
    /** Absent where a program of the owner's made it: what that reaches is not ours to say. */
    egress: z.exactOptional(z.enum(EGRESS)),
    /** SHA-256 of the result, and how long it is. */
    content: digest,
    sizeBytes: uint,
    /** How long what it was made from is. */
    inputBytes: uint,
    /** There was more than is kept: this is its beginning. */
    cut: z.exactOptional(z.literal(true)),
    review: z.enum(REVIEW_STATES),
    reviewedBy: z.exactOptional(z.string()),
    reviewedAt: z.exactOptional(uint),
    /** Why it was rejected. */
    reason: z.exactOptional(z.string()),
  })
  .refine(
    ({ review, reviewedAt, reviewedBy }) =>
      (review === 'unreviewed') === (reviewedBy === undefined) &&
      (reviewedAt === undefined) === (reviewedBy === undefined),
    'a review has a person and a time',
  )
  .refine(
    ({ reason, review }) => (review === 'rejected') === (reason !== undefined),
    'what is rejected has a reason, and nothing else has',
  )

/** Where the result of a run comes from. The result itself is beside it, found by the hash of its content. */
export type Artifact = z.infer<typeof artifactSchema>

/** What was made, and from what, before any of it is hashed. */
export type MadeOf = z.infer<typeof madeSchema>

/** What a run has made, as its runner knows it. */
export interface Made extends MadeOf, Pick<Artifact, 'engine' | 'sources'> {
  model?: string
  trace?: string
  /** There was more than `MAX_RESULT_BYTES`. */
  cut?: true
}

/** What a person says of a result. */
export type Review = { verdict: 'accepted' } | { verdict: 'rejected'; reason: string }

/** The hashes of an artifact, computed from what is stored beside it. */
export function hashesOf({
  content,
  context,
  prompt,
}: MadeOf): Pick<Artifact, 'prompt' | 'context' | 'content' | 'sizeBytes' | 'inputBytes'> {
  return {
    prompt: hashOf(prompt),
    context: hashOf(context),
    content: hashOf(content),
    sizeBytes: Buffer.byteLength(content),
    inputBytes: Buffer.byteLength(prompt) + Buffer.byteLength(context),
  }
}

/** True when an artifact is of exactly this. */
export function isOf(artifact: Artifact, made: MadeOf): boolean {
  const { content, context, prompt } = hashesOf(made)
  return (
    Buffer.compare(artifact.content, content) === 0 &&
    Buffer.compare(artifact.context, context) === 0 &&
    Buffer.compare(artifact.prompt, prompt) === 0
  )
}

/** The artifact of what a run of `job` has made. Nobody has looked at it. */
export function artifactOf(
  { artifact: { sensitivity }, name, target }: Pick<Job, 'artifact' | 'name' | 'target'>,
  run: string,
  made: Made,
  madeAt: number,
): Artifact {
  const { content, context, cut, engine, model, prompt, sources, trace } = made
  return {
    ...{ run, job: name, madeAt, sources, engine, sensitivity, review: 'unreviewed' },
    ...(trace === undefined ? {} : { trace }),
    ...(model === undefined ? {} : { model }),
    ...(target.kind === 'ask' ? { egress: target.egress } : {}),
    ...hashesOf({ content, context, prompt }),
    ...(cut === undefined ? {} : { cut }),
  }
}

/** An artifact that a person has looked at; a later look replaces an earlier one. */
export function reviewed(artifact: Artifact, review: Review, by: string, now: number): Artifact {
  const looked: Artifact = {
    ...artifact,
    review: review.verdict,
    reviewedBy: by,
    reviewedAt: now,
  }
  delete looked.reason
  return review.verdict === 'rejected' ? { ...looked, reason: review.reason } : looked
}

function hashOf(text: string): Uint8Array {
  return sha256(new TextEncoder().encode(text))
}
