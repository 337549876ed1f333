import { randomBytes } from 'node:crypto'
import { artifactOf } from '../../src/node/scheduler/artifact.ts'
import type { Artifact, Made } from '../../src/node/scheduler/artifact.ts'
import { deliveriesOf } from '../../src/node/scheduler/delivery/delivery.ts'
import type { Delivery } from '../../src/node/scheduler/delivery/delivery.ts'
import type { Job } from '../../src/node/scheduler/job.ts'
import { waitingRun } from '../../src/node/scheduler/run.ts'
import type { Run } from '../../src/node/scheduler/run.ts'
import { uuidV7 } from '../../src/protocol/uuid.ts'

export const MADE: Made = {
  content: 'Zwei Briefe.\n',
  prompt: 'what is new',
  context: '{"preset":"none"}',
  engine: 'model',
  model: 'local/qwen3',
  trace: 'the-ask',
  sources: [{ ref: 'ask:the-ask', digest: new Uint8Array(32) }],
}

/** A run that ended well at this time. */
export function doneRun(job: string, at: number): Run {
  const wanted = { job, cause: 'manual', by: 'self', dueAt: at } as const
  const run = waitingRun(uuidV7(at, randomBytes(10)), wanted, at)
  return { ...run, state: 'succeeded', attempts: 1, finalAt: at, summary: 'Zwei Briefe.' }
}

/** A run that failed at this time. */
export function failedRun(job: string, at: number): Run {
  const run: Run = {
    ...doneRun(job, at),
    ...{ state: 'failed', failure: { code: 'program-failed', why: 'no disk' } },
  }
  delete run.summary
  return run
}

/** What `job` has made in `run`. */
export function artifactIn(job: Job, run: Run, made: Made = MADE): Artifact {
  return artifactOf(job, run.run, made, run.finalAt ?? 0)
}

/** The one delivery of a run of `job`, which was the `order`th to have one. */
export function deliveryOf(job: Job, run: Run, order = 1): Delivery {
  const [delivery] = deliveriesOf(job, run, artifactIn(job, run), order)
  if (delivery === undefined) throw new TypeError('no delivery')
  return delivery
}
