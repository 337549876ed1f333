import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { nameSchema } from '../../protocol/pin.ts'
import { strictMap } from '../../protocol/strict-map.ts'
import { SECRET_FORMS, parseSecretRef } from '../agent/secrets.ts'

/*
 * What becomes of the results of a job: the keys `artifact` and `deliver` of an entry in jobs.yaml.
 */

/** Who may see a result: `secret` ones leave this machine by no delivery. */
export const SENSITIVITIES = ['public', 'private', 'secret'] as const

/** When a result is handed on: however the run ended, once it has succeeded, or once a person has accepted it. */
export const DELIVERY_TIMES = ['always', 'success', 'accepted'] as const

/** Deliveries that a job may have. */
const MAX_DELIVERIES = 8

export interface ArtifactRule {
  /** @default true */
  keep: boolean
  /** @default 'private' */
  sensitivity: (typeof SENSITIVITIES)[number]
}

/** Where a result is handed on to. */
export type Sink =
  | {
      kind: 'file'
      /** Absolute. Each result replaces the one before. */
      path: string
    }
  | {
      kind: 'peer'
      /** Name of a pinned peer. */
      peer: string
    }
  | {
      kind: 'webhook'
      url: string
      /** Where the key is that signs: `env:NAME`, `file:/path` or `credential:NAME`. */
      secret: string
    }

export interface DeliveryRule {
  to: Sink
  /** @default 'success' */
  when: (typeof DELIVERY_TIMES)[number]
}

/** Where a secret is, which itself is in no file of kith's. */
export const secretReference = z
  .string()
  .refine((text) => parseSecretRef(text) !== undefined, { message: `say ${SECRET_FORMS}` })

/** A webhook as it is shown. What follows its host may be a secret, as with those of chats. */
export function shownUrl(url: string): string {
  return `${new URL(url).origin}/…`
}

/** Where a webhook is. A name or a password in it would be shown wherever it is. */
export const webhookUrl = z
  .url({ protocol: /^https?$/, message: 'no http or https address' })
  .max(2_048)
  .refine((text) => {
    const url = URL.parse(text)
    return url?.username === '' && url.password === ''
  }, 'has a name or a password in it')

export const artifactRule = strictMap({
  keep: z.boolean().default(true),
  sensitivity: z.enum(SENSITIVITIES).default('private'),
})

const deliveryRule = strictMap({
  file: z.exactOptional(z.string().max(4_096).refine(isAbsolute, 'not an absolute path')),
  peer: z.exactOptional(nameSchema),
  webhook: z.exactOptional(strictMap({ url: webhookUrl, secret: secretReference })),
  when: z.enum(DELIVERY_TIMES).default('success'),
}).transform(({ file, peer, webhook, when }, context): DeliveryRule => {
  const sinks: Sink[] = [
    ...(file === undefined ? [] : [{ kind: 'file' as const, path: file }]),
    ...(peer === undefined ? [] : [{ kind: 'peer' as const, peer }]),
    ...(webhook === undefined ? [] : [{ kind: 'webhook' as const, ...webhook }]),
  ]
  const [to] = sinks
  if (to !== undefined && sinks.length === 1) return { to, when }
  context.addIssue({ code: 'custom', message: 'needs one of file, peer and webhook' })
  return z.NEVER
})

export const deliveryRules = z.array(deliveryRule).max(MAX_DELIVERIES)

/** What a job says that has a say in where its results may go. `egress` is undefined where its target has none. */
export interface DeliveringJob {
  artifact: ArtifactRule
  deliver: readonly DeliveryRule[]
  egress: string | undefined
}

/** The first of the deliveries that may not be, and why. */
export function deliveryFault({
  artifact,
  deliver,
  egress,
}: DeliveringJob): { index: number; why: string } | undefined {
  for (const [index, { to }] of deliver.entries()) {
    const why = faultOf(to, artifact, egress)
    if (why !== undefined) return { index, why }
  }
  return undefined
}

function faultOf(
  { kind }: Sink,
  { keep, sensitivity }: ArtifactRule,
  egress: string | undefined,
): string | undefined {
  if (!keep) return 'what is delivered is kept until it has arrived: artifact.keep may not be false'
  if (kind === 'file') return undefined
  if (sensitivity === 'secret') return `a secret result goes to no ${kind}`
  const wanted = kind === 'peer' ? ['peers'] : ['provider', 'peers']
  if (egress === undefined || wanted.includes(egress)) return undefined
  return `a delivery to a ${kind} needs egress: ${wanted.join(' or ')}`
}
