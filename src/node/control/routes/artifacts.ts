import { z } from 'zod'
import { isUuidV7 } from '../../../protocol/uuid.ts'
import { REVIEW_STATES } from '../../scheduler/artifact.ts'
import { DELIVERY_STATES } from '../../scheduler/delivery/delivery.ts'
import { EGRESS } from '../../scheduler/job.ts'
import { SENSITIVITIES } from '../../scheduler/job-result.ts'
import { at, route } from './route.ts'

const text = z.string()
const runId = z.string().refine(isUuidV7, { message: 'no id of a run' })

export const deliveryReport = z.strictObject({
  /** Where it goes, in one line. */
  to: text,
  state: z.enum(DELIVERY_STATES),
  attempts: z.int(),
  /** When it is tried next. */
  nextAt: z.exactOptional(at),
  /** Of the last try that failed, also where a later one did not. */
  failure: z.exactOptional(z.strictObject({ code: text, why: text })),
})

export const artifactReport = z.strictObject({
  /** The id of its run. */
  artifact: text,
  job: text,
  /** The ask that made it. */
  trace: z.exactOptional(text),
  madeAt: at,
  sources: z.array(z.strictObject({ ref: text, digest: text })),
  engine: text,
  model: z.exactOptional(text),
  /** SHA-256, in hex: of what was asked, of what went along with it, and of the result. */
  hashes: z.strictObject({ prompt: text, context: text, content: text }),
  sizeBytes: z.int(),
  /** How long what it was made from is. */
  inputBytes: z.int(),
  /** There was more than is kept. */
  cut: z.exactOptional(z.literal(true)),
  sensitivity: z.enum(SENSITIVITIES),
  egress: z.exactOptional(z.enum(EGRESS)),
  review: z.enum(REVIEW_STATES),
  reviewedBy: z.exactOptional(text),
  reviewedAt: z.exactOptional(at),
  reason: z.exactOptional(text),
})

const artifactPath = z.strictObject({ artifact: runId })

export const ARTIFACT_ROUTES = {
  /** The newest first; all that is given has to fit. */
  artifacts: route(
    'GET',
    '/v1/artifacts',
    z.strictObject({
      job: z.exactOptional(z.string().min(1).max(64)),
      review: z.exactOptional(z.enum(REVIEW_STATES)),
      cursor: z.exactOptional(runId),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
    }),
    z.strictObject({ artifacts: z.array(artifactReport), cursor: z.exactOptional(text) }),
  ),
  showArtifact: route(
    'GET',
    '/v1/artifacts/:artifact',
    artifactPath,
    artifactReport.extend({
      /** What its hashes are of, and whether they are. */
      prompt: text,
      context: text,
      content: text,
      intact: z.boolean(),
      deliveries: z.array(deliveryReport),
    }),
  ),
  /** What a person says of it. */
  reviewArtifact: route(
    'POST',
    '/v1/artifacts/:artifact/review',
    z.discriminatedUnion('verdict', [
      artifactPath.extend({ verdict: z.literal('accepted') }),
      artifactPath.extend({
        verdict: z.literal('rejected'),
        reason: text.trim().min(1).max(500),
      }),
    ]),
    artifactReport,
  ),
  /** Has the deliveries of a run that are dead tried again: gives them. */
  deliverAgain: route(
    'POST',
    '/v1/runs/:run/deliver',
    z.strictObject({ run: runId }),
    z.array(deliveryReport),
  ),
}

export type ArtifactReport = z.infer<typeof artifactReport>
export type DeliveryReport = z.infer<typeof deliveryReport>
