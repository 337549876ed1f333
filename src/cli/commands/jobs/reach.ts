import type { Input, JobReport } from '../../../node/control/api.ts'
import { isFailure, KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'

/** All jobs after a change of jobs.yaml. */
export async function editJobs(cli: CliContext, edit: Input<'editJobs'>): Promise<JobReport[]> {
  return await onlineOrOffline(
    cli,
    (client) => client.call('editJobs', edit),
    (node) => node.editJobs(cli.home, cli.env, edit),
  )
}

/** The one of `jobs` with this name. @throws {KithError} `unknown-job` */
export function namedJob(jobs: readonly JobReport[], name: string): JobReport {
  const job = jobs.find((candidate) => candidate.name === name)
  if (job !== undefined) return job
  const hint = { hint: 'kith jobs list' }
  throw new KithError('unknown-job', `no job is named ${name}`, { job: name }, hint)
}

/** The same for a text of jobs, whose faults are told as those of `where`, by line and column. */
export async function sendJobs(
  cli: CliContext,
  where: string,
  edit: Extract<Input<'editJobs'>, { text: string }>,
): Promise<JobReport[]> {
  try {
    return await editJobs(cli, edit)
  } catch (err) {
    if (!isFailure(err, 'invalid-file') || err.details.path !== edit.op) throw err
    const { line } = err.details
    const message = err.message.replace(`${edit.op}:`, `${where}:`)
    const hint = line === undefined ? {} : { hint: `edit line ${line} of ${where}` }
    throw new KithError(
      'invalid-file',
      message,
      { ...err.details, path: where },
      { cause: err, ...hint },
    )
  }
}
