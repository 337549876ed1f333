import { z } from 'zod'
import { strictMap } from '../../protocol/strict-map.ts'
import { atLeastOne, flag, numberOf } from '../agent-config.ts'
import { secretReference, webhookUrl } from '../scheduler/job-result.ts'

/** The section `fleet` of config.yaml. */
export const fleetSchema = strictMap({
  /** How often each peer with a link is asked how it is. */
  interval_seconds: z.preprocess(numberOf, z.int().min(10)).default(60),
  /** A version of kith that has been green at a peer for so long is its last good one. */
  soak_hours: atLeastOne.default(24),
  /** Look at the own files, pins and addresses now and then, and tell peers that may see the status what came of it. */
  self_audit: flag.default(true),
})

/** The section `alerts` of config.yaml. */
export const alertsSchema = strictMap({
  /** Each new alert is posted there. */
  webhook: z.exactOptional(webhookUrl),
  /** Where the key is that signs what is posted. */
  secret: z.exactOptional(secretReference),
})

export type FleetConfig = z.infer<typeof fleetSchema>
