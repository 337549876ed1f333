import { z } from 'zod'
import { strictMap } from '../../protocol/strict-map.ts'
import { atLeastOne } from '../agent-config.ts'
import { natsFault, natsSchema } from './nats/nats-config.ts'

/** The section `scheduler` of config.yaml: what runs the jobs of jobs.yaml. */
export const schedulerSchema = strictMap({
  /** `local`: this node alone, with its own store. `nats`: together with others, by servers of NATS. */
  engine: z.enum(['local', 'nats']).default('local'),
  /** Runs that are under way at once. */
  workers: atLeastOne.default(4),
  nats: natsSchema.prefault({}),
}).superRefine(({ engine, nats }, context) => {
  const message = engine === 'nats' ? natsFault(nats) : undefined
  if (message !== undefined) context.addIssue({ code: 'custom', path: ['nats'], message })
})

export type SchedulerConfig = z.infer<typeof schedulerSchema>
