import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { MAX_ASK_TEXT_BYTES } from '../../../protocol/limits.ts'
import type { CliContext } from '../../context.ts'
import { collectList, positiveInteger, seconds } from '../../options.ts'
import { readStdin } from '../../read-stdin.ts'
import { given, isEmpty } from './given.ts'
import { scheduleOf, withSchedule } from './schedule-options.ts'
import type { ScheduleOptions, ScheduleRow } from './schedule-options.ts'
import { targetOf, withTarget } from './target-options.ts'
import type { TargetOptions, TargetRow } from './target-options.ts'

const MISSED = ['skip', 'once', 'all']
const OVERLAP = ['skip', 'queue', 'replace']
const SENSITIVITIES = ['public', 'private', 'secret']

/** What is said of a job, as jobs.yaml has it; what is left out is not spoken of. */
export interface JobChanges {
  schedule?: ScheduleRow
  zone?: string
  jitter_seconds?: number
  missed?: { policy?: string; window_seconds?: number }
  overlap?: string
  attempts?: { max?: number; base_seconds?: number; max_seconds?: number }
  pause_after?: number
  limits?: { progress_seconds?: number; total_seconds?: number }
  target?: TargetRow
  feed?: { folder?: string; accept?: string[] }
  artifact?: { sensitivity?: string }
  deliver?: DeliveryRow[]
  run_by?: string[]
}

type DeliveryRow = { file: string } | { peer: string }

/** Spans are in seconds. */
export interface JobOptions extends ScheduleOptions, TargetOptions {
  zone?: string
  jitter?: number
  missed?: string
  missedWindow?: number
  overlap?: string
  attempts?: number
  backoff?: number
  maxBackoff?: number
  pauseAfter?: number
  timeout?: number
  silence?: number
  feed?: string
  accept?: string[]
  sensitivity?: string
  deliver?: DeliveryRow[]
  runBy?: string[]
  json?: true
}

/** Adds all options that say what is to be in jobs.yaml. */
export function withJobOptions(command: Command): Command {
  return withTarget(withSchedule(command))
    .option('--jitter <span>', 'start up to so much later, each time another bit', seconds)
    .addOption(
      new Option('--missed <policy>', 'what to make up for of times that were missed').choices(
        MISSED,
      ),
    )
    .option('--missed-window <span>', 'make up for no time that is longer ago', seconds)
    .addOption(
      new Option('--overlap <policy>', 'what to do when it is due and still runs').choices(OVERLAP),
    )
    .option('--attempts <n>', 'how often a run is tried', positiveInteger)
    .option('--backoff <span>', 'wait before the second attempt, doubled for each more', seconds)
    .option('--max-backoff <span>', 'longest such wait', seconds)
    .option('--pause-after <n>', 'pause it when so many runs in a row have failed', positiveInteger)
    .option('--timeout <span>', 'longest time of one attempt', seconds)
    .option('--silence <span>', 'longest time in which nothing is heard of an attempt', seconds)
    .option('--feed <folder>', 'hand it the files of this folder, one a run', (path) =>
      resolve(path),
    )
    .option('--accept <patterns>', 'names of files that the feed takes, with commas', collectList)
    .addOption(
      new Option('--sensitivity <who>', 'who may see results: secret ones go nowhere').choices(
        SENSITIVITIES,
      ),
    )
    .option('--deliver <where>', 'hand results on to file:PATH or peer:NAME; again', delivery)
    .option('--run-by <peers>', 'peers that may start it, with commas', collectList)
}

/**
 * What the options and the words of a command line say of a job.
 *
 * @throws {KithError} `usage` for what does not go together
 */
export function changesOf(options: JobOptions, words: readonly string[]): JobChanges {
  const schedule = scheduleOf(options)
  const target = targetOf(options, words)
  const missed = given({ policy: options.missed, window_seconds: options.missedWindow })
  const attempts = given({
    max: options.attempts,
    base_seconds: options.backoff,
    max_seconds: options.maxBackoff,
  })
  const limits = given({ progress_seconds: options.silence, total_seconds: options.timeout })
  const feed = given({ folder: options.feed, accept: options.accept })
  const artifact = given({ sensitivity: options.sensitivity })
  return {
    ...(schedule === undefined ? {} : { schedule }),
    ...given({ zone: options.zone, jitter_seconds: options.jitter, overlap: options.overlap }),
    ...given({ pause_after: options.pauseAfter, deliver: options.deliver, run_by: options.runBy }),
    ...(isEmpty(missed) ? {} : { missed }),
    ...(isEmpty(attempts) ? {} : { attempts }),
    ...(isEmpty(limits) ? {} : { limits }),
    ...(isEmpty(feed) ? {} : { feed }),
    ...(isEmpty(artifact) ? {} : { artifact }),
    ...(target === undefined ? {} : { target }),
  }
}

/** The words of a command line; one that is `-` stands for the standard input. */
export async function readWords(
  cli: Pick<CliContext, 'stdin'>,
  words: readonly string[],
): Promise<readonly string[]> {
  if (words.length !== 1 || words[0] !== '-') return words
  return [(await readStdin(cli, 'an ask', MAX_ASK_TEXT_BYTES)).trimEnd()]
}

/** `file:/path` or `peer:NAME`, as jobs.yaml has it; one more of them. */
function delivery(text: string, before: readonly DeliveryRow[] = []): DeliveryRow[] {
  const [, kind, where = ''] = /^(file|peer):(.+)$/.exec(text) ?? []
  if (kind === 'file') return [...before, { file: resolve(where) }]
  if (kind === 'peer') return [...before, { peer: where }]
  throw new InvalidArgumentError(
    'It is file:PATH or peer:NAME; for a webhook, kith jobs edit NAME.',
  )
}
