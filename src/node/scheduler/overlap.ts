import type { Job } from './job.ts'
import type { DueTime } from './missed.ts'

/** What becomes of a time that is due: a run, one in place of what runs, none, or one later on. */
export type Admission = 'take' | 'replace' | 'skip' | 'wait'

/**
 * What becomes of `due`, given how many runs of the job have not ended (`open`). A job has one run under way and one
 * behind it at most. What is made up for waits until nothing is in its way: it is late anyway.
 */
export function admit(
  overlap: Job['overlap'],
  missed: Job['missed']['policy'],
  due: DueTime,
  open: number,
): Admission {
  if (open === 0) return 'take'
  if (due.cause === 'catch-up') return missed === 'all' ? 'wait' : 'skip'
  switch (overlap) {
    case 'skip':
      return 'skip'
    case 'queue':
      return open === 1 ? 'take' : 'skip'
    case 'replace':
      return 'replace'
  }
}
