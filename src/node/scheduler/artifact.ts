import { z } from 'zod'
import { sha256 } from '../../protocol/sha256.ts'
import { bytes } from '../../protocol/verbs.ts'
import { EGRESS } from './job.ts'

/** Who may see a result. */
export const SENSITIVITIES = ['public', 'private', 'secret'] as const

/** What a person has said of a result. Nothing becomes `accepted` without one. */
export const REVIEW_STATES = ['unreviewed', 'accepted', 'rejected'] as const

const uint = z.int().nonnegative()
const digest = bytes.refine((hash) => hash.byteLength === 32, { message: 'no SHA-256' })

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
    egress: z.enum(EGRESS),
    /** SHA-256 of the result, and how long it is. */
    content: digest,
    sizeBytes: uint,
    review: z.enum(REVIEW_STATES),
    reviewedBy: z.exactOptional(z.string()),
    reviewedAt: z.exactOptional(uint),
  })
  .refine(
    ({ review, reviewedAt, reviewedBy }) =>
      (review === 'unreviewed') === (reviewedBy === undefined) &&
      (reviewedAt === undefined) === (reviewedBy === undefined),
    'a review has a person and a time',
  )

/** Where the result of a run comes from. The result itself is beside it, found by the hash of its content. */
export type Artifact = z.infer<typeof artifactSchema>

/** What was made, and from what, before any of it is hashed. */
export interface MadeOf {
  prompt: string
  context: string
  content: string
}

/** The hashes of an artifact, computed from what is stored beside it. */
export function hashesOf({
  content,
  context,
  prompt,
}: MadeOf): Pick<Artifact, 'prompt' | 'context' | 'content' | 'sizeBytes'> {
  return {
    prompt: hashOf(prompt),
    context: hashOf(context),
    content: hashOf(content),
    sizeBytes: Buffer.byteLength(content),
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

/** An artifact that a person has looked at; a later look replaces an earlier one. */
export function reviewed(
  artifact: Artifact,
  review: 'accepted' | 'rejected',
  by: string,
  now: number,
): Artifact {
  return { ...artifact, review, reviewedBy: by, reviewedAt: now }
}

function hashOf(text: string): Uint8Array {
  return sha256(new TextEncoder().encode(text))
}
