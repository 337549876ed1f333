import { z } from 'zod'
import { GRANT_NAMES, idSchema, keySchema } from '../../../protocol/pin.ts'
import { peerReport } from './peers.ts'
import { at, nothing, peerName, route } from './route.ts'

const who = z.union([idSchema, keySchema], 'no node id, and no key')

const strangersReport = z.strictObject({
  /** Keys that have called without being pinned, the one that was last seen first. */
  pending: z.array(
    z.strictObject({
      key: z.string(),
      /** Host that it came from last. */
      address: z.string(),
      firstAt: at,
      lastAt: at,
      count: z.int(),
    }),
  ),
  /** Keys that are not listed any more, the newest first. */
  denied: z.array(z.strictObject({ key: z.string(), at })),
  blocked: z.array(z.strictObject({ who: z.string(), at })),
})

const keyPath = z.strictObject({ key: keySchema })
const whoPath = z.strictObject({ who })

export const STRANGER_ROUTES = {
  strangers: route('GET', '/v1/strangers', nothing, strangersReport),
  /** Pins a key that has called. */
  acceptStranger: route(
    'POST',
    '/v1/strangers/:key/accept',
    keyPath.extend({ name: peerName, allow: z.exactOptional(z.array(z.enum(GRANT_NAMES))) }),
    peerReport,
  ),
  denyStranger: route('POST', '/v1/strangers/:key/deny', keyPath, keyPath),
  block: route('POST', '/v1/strangers/:who/block', whoPath, whoPath),
  unblock: route('POST', '/v1/strangers/:who/unblock', whoPath, whoPath),
}

export type StrangersReport = z.infer<typeof strangersReport>
