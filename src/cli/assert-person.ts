import { KithError, isFailure } from '../protocol/errors.ts'
import type { CliContext } from './context.ts'

/** A node that is busy need not hear of a refusal, in ms. */
const NOTE_MS = 1_000

/**
 * Refuses `task` in a program that a job, an ask, an agent or a tool has started. It keeps them from doing by mistake, or because a peer
 * has talked an agent into it, what is for a person to do; a program that means to, with all rights of this user,
 * needs no command of ours.
 *
 * @throws {KithError} `approval-needed`
 */
export function assertPerson({ env }: Pick<CliContext, 'env'>, task: string): void {
  const program = programOf(env)
  if (program === undefined) return
  const why = `this is the program of ${program}: ${task} is for a person`
  throw new KithError('approval-needed', why, { task })
}

/** Has the node write down that `err` has refused a task to a program; nothing for any other failure. */
export async function noteRefusal(
  cli: Pick<CliContext, 'client' | 'env'>,
  err: unknown,
): Promise<void> {
  const by = programOf(cli.env)
  if (by === undefined || !isFailure(err, 'approval-needed')) return
  const { task } = err.details
  try {
    // Asked for here and not before: a command line with a profile that cannot be has no client.
    await cli.client.call('noteRefusal', { by, task }, AbortSignal.timeout(NOTE_MS))
  } catch {
    // The refusal stands without a node that hears of it.
  }
}

/** What has started this process, by the names in the environment that programs get. */
function programOf(env: NodeJS.ProcessEnv): string | undefined {
  const [job, asker] = [env['KITH_JOB'], env['KITH_ASKER']]
  if (job !== undefined) return `job ${job}`
  if (asker !== undefined) return `an ask of ${asker}`
  return env['KITH_PROGRAM'] === undefined ? undefined : 'an agent'
}
