import { KithError } from '../protocol/errors.ts'
import type { CliContext } from './context.ts'

/**
 * Refuses `task` in the program of a job. It keeps a job from doing by mistake what is for a person to do; a program
 * that means to, with all rights of this user, needs no command of ours.
 *
 * @throws {KithError} `approval-needed`
 */
export function assertPerson({ env }: Pick<CliContext, 'env'>, task: string): void {
  const job = env['KITH_JOB']
  if (job === undefined) return
  const why = `this is the program of job ${job}: ${task} is for a person`
  throw new KithError('approval-needed', why, { task })
}
