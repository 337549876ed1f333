import { singleLine } from '../../protocol/text.ts'
import { utcMinute } from '../memory.ts'
import type { RunFact } from '../ports.ts'
import type { CommandCall } from './builtin-command.ts'

const MAX_RUNS_SHOWN = 20
const MAX_LINE_CHARS = 120

type JobCall = Pick<CommandCall, 'asker' | 'facts' | 'owner'>

/** How many jobs there are; for the owner, each with how it stands and when it is due. */
export function* answerJobs({ facts, owner }: JobCall): Generator<string> {
  const jobs = facts.jobs()
  yield `jobs: ${jobs.length}, under way: ${jobs.filter(({ running }) => running).length}\n`
  if (!owner) return
  for (const { lastSuccessAt, name, nextAt, schedule, standing } of jobs) {
    const next = nextAt === undefined ? 'not due' : `next ${utcMinute(nextAt)}`
    const last =
      lastSuccessAt === undefined ? 'never done' : `last done ${utcMinute(lastSuccessAt)}`
    yield `${singleLine(`${name}: ${standing}, ${schedule}, ${next}, ${last}`, MAX_LINE_CHARS)}\n`
  }
}

/** The latest runs: all of them for the owner, those that it has started for a peer. */
export async function* answerRuns({ asker, facts, owner }: JobCall): AsyncGenerator<string> {
  const runs = (await facts.runs()).filter(({ by }) => owner || by === asker.name)
  if (runs.length === 0) yield 'No runs.\n'
  for (const run of runs.slice(0, MAX_RUNS_SHOWN)) yield `${runLine(run)}\n`
  const more = runs.length - MAX_RUNS_SHOWN
  if (more > 0) yield `and ${more} more\n`
}

/** Both, for a model, which has no use for the difference. */
export async function* answerJobsAndRuns(call: JobCall): AsyncGenerator<string> {
  yield* answerJobs(call)
  yield* answerRuns(call)
}

function runLine({ at, id, job, state, why }: RunFact): string {
  const reason = why === undefined ? '' : ` (${why})`
  return singleLine(`${utcMinute(at)} ${job} ${state}${reason}: ${id}`, MAX_LINE_CHARS)
}
