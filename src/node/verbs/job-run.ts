import { KithError, isFailure } from '../../protocol/errors.ts'
import { jobRunCall } from '../../protocol/verbs.ts'
import type { JobHost } from '../scheduler/job-host.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

/** `job.run`: starts a job whose own entry names the caller. What it does and where, the owner has said. */
export function jobRunVerb({ jobs }: { jobs: Pick<JobHost, 'runFor'> }): AnyVerb {
  return defineVerb({
    name: 'job.run',
    body: jobRunCall,
    run: async ({ body: { job }, peer }) => {
      const { run } = await jobs.runFor(peer.pin.name, job).catch((err: unknown) => {
        if (!isFailure(err, 'stopping')) throw err
        throw new KithError('busy', err.message, { position: 0 }, { cause: err })
      })
      return { run }
    },
  })
}
