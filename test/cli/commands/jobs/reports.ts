import type { JobReport, RunReport } from '../../../../src/node/control/api.ts'

export const RUN = '01a1fd5d-0392-7386-8375-5bed883ec73b'

/** A job that is on and waits. */
export const tidy: JobReport = {
  name: 'tidy',
  enabled: true,
  schedule: 'daily 04:00',
  zone: 'Europe/Berlin',
  target: 'command tidy --all',
  standing: 'waiting',
  nextAt: Date.UTC(2026, 10, 22, 3),
  failures: 0,
}

/** One that is off. */
export const morning: JobReport = {
  name: 'morning',
  enabled: false,
  schedule: 'manual',
  zone: 'UTC',
  target: 'ask bob: what is new?',
  standing: 'disabled',
  failures: 0,
}

/** A run that waits. */
export const queued: RunReport = {
  run: RUN,
  job: 'tidy',
  cause: 'manual',
  by: 'self',
  dueAt: Date.UTC(2026, 10, 21, 9),
  readyAt: Date.UTC(2026, 10, 21, 9),
  state: 'queued',
  attempts: 0,
}

/** The same when it has succeeded. */
export const succeeded: RunReport = {
  ...queued,
  state: 'succeeded',
  attempts: 1,
  claimedAt: queued.readyAt + 20,
  finalAt: queued.readyAt + 1_520,
  summary: '3 files\u001B[2J gone',
}

/** One that a peer wanted, and that failed. */
export const failed: RunReport = {
  ...succeeded,
  cause: 'peer',
  by: 'bob',
  state: 'timed-out',
  attempts: 3,
  failure: { code: 'deadline', why: 'not done within 60 s' },
}
