import { existsSync } from 'node:fs'
import { isFailure, KithError } from '../protocol/errors.ts'
import { jobsText, jobText, unknownJob } from '../store/jobs-edit.ts'
import { readConfig } from './config.ts'
import type { Input, JobReport, Output, TimesReport } from './control/api.ts'
import { reportJob } from './control/job-report.ts'
import type { Home } from './home.ts'
import { assertHome } from './offline.ts'
import type { Job } from './scheduler/job.ts'
import { blankState } from './scheduler/job-state.ts'
import type { JobState } from './scheduler/job-state.ts'
import { editJobs as editJobsFile, jobsFile, readJobs } from './scheduler/jobs-file.ts'
import { nextTimes as nextTimesOf } from './scheduler/schedule.ts'

/** The jobs of a home whose node does not run. */
export async function listJobs(home: Home, env: NodeJS.ProcessEnv): Promise<JobReport[]> {
  await assertOwn(home, env)
  return await report(home, await readJobs(home.jobs))
}

/** @throws {KithError} `unknown-job`, and as jobs.yaml is read */
export async function showJob(
  home: Home,
  env: NodeJS.ProcessEnv,
  name: string,
): Promise<Output<'showJob'>> {
  const shown = (await listJobs(home, env)).find((job) => job.name === name)
  if (shown === undefined) throw unknownJob(name)
  return { ...shown, definition: jobText(await jobsFile(home.jobs).document(), name) }
}

/** Changes jobs.yaml. @throws {KithError} as the edit of that file */
export async function editJobs(
  home: Home,
  env: NodeJS.ProcessEnv,
  edit: Input<'editJobs'>,
): Promise<JobReport[]> {
  await assertOwn(home, env)
  await assertHome(home)
  return await report(home, await editJobsFile(home.jobs, edit))
}

/** All of jobs.yaml as it stands there, checked. */
export async function exportJobs(home: Home, env: NodeJS.ProcessEnv): Promise<string> {
  await assertOwn(home, env)
  return jobsText(await jobsFile(home.jobs).document())
}

/** The next times of a job. @throws {KithError} `unknown-job` */
export async function nextTimes(
  home: Home,
  env: NodeJS.ProcessEnv,
  name: string,
  count: number,
): Promise<TimesReport> {
  await assertOwn(home, env)
  const job = (await readJobs(home.jobs)).find((one) => one.name === name)
  if (job === undefined) throw unknownJob(name)
  return { zone: job.zone, times: nextTimesOf(job.schedule, job.zone, Date.now(), count) }
}

/** A list that several nodes share is on no disk of this one. @throws {KithError} `daemon-not-running` */
async function assertOwn(home: Home, env: NodeJS.ProcessEnv): Promise<void> {
  const { scheduler } = await readConfig(home.config, env)
  if (scheduler.engine === 'local') return
  const why = 'the job list is on the NATS servers, where a node that runs reaches it'
  throw new KithError('daemon-not-running', why, { home: home.path }, { hint: 'kith start' })
}

async function report(home: Home, jobs: readonly Job[]): Promise<JobReport[]> {
  const states = jobs.length === 0 ? new Map<string, JobState>() : await storedStates(home)
  return jobs.map((job) => {
    const state = { ...(states.get(job.name) ?? blankState(job.name)) }
    // What was under way when the last process ended is under way no more.
    delete state.active
    return reportJob(job, state, Date.now())
  })
}

/** Where the jobs stand, by their names; none while another process has the store: that is a node that starts or stops. */
async function storedStates({ store }: Home): Promise<Map<string, JobState>> {
  const states = new Map<string, JobState>()
  if (!existsSync(store)) return states
  const { Database } = await import('../store/database.ts')
  const { storedJobStates } = await import('./scheduler/lease-store.ts')
  try {
    const database = await Database.open(store)
    try {
      for await (const state of storedJobStates(database)) states.set(state.job, state)
    } finally {
      await database.close()
    }
  } catch (err) {
    if (!isFailure(err, 'locked')) throw err
  }
  return states
}
