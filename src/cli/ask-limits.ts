import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { Input } from '../node/control/api.ts'
import { KithError } from '../protocol/errors.ts'
import { positiveInteger } from './options.ts'

type Limits = Pick<Input<'ask'>, 'budget' | 'preset'>

/** Checked against the wire's by their type: its schemas would cost a command 50 ms. */
const PRESETS = ['none', 'read-only', 'write', 'full'] satisfies Limits['preset'][]

/** What an ask may do and cost at most. */
export interface LimitOptions {
  preset?: (typeof PRESETS)[number]
  /** In millionths of a US dollar. */
  maxUsd?: number
  maxTokens?: number
}

/** The job of the owner that an ask is a part of, and what its asks may cost in a day, together. */
export interface JobOptions {
  job?: string
  /** In millionths of a US dollar. */
  jobUsd?: number
  jobTokens?: number
}

/** Adds the options that limit an ask. */
export function withLimits(command: Command): Command {
  return command
    .addOption(new Option('--preset <name>', 'let its tools do no more than this').choices(PRESETS))
    .option('--max-usd <amount>', 'let it cost no more, in US dollars', microUsd)
    .option('--max-tokens <n>', 'let it use no more tokens', positiveInteger)
}

/** Those options, as an ask has them. */
export function limitsOf({ maxTokens, maxUsd, preset }: LimitOptions): Limits {
  const budget = spendLimit(maxUsd, maxTokens)
  return {
    ...(preset === undefined ? {} : { preset }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
  }
}

/** Adds the options that count an ask against a job. */
export function withJob(command: Command): Command {
  return command
    .option('--job <name>', 'count it against this job of yours, too; for asks to self')
    .option('--job-usd <amount>', 'let all asks of the job cost no more in a day', microUsd)
    .option(
      '--job-tokens <n>',
      'let all asks of the job use no more tokens in a day',
      positiveInteger,
    )
}

/** Those options, as an ask has them. @throws {KithError} `usage` for a cap without a job */
export function jobOf({ job, jobTokens, jobUsd }: JobOptions): Pick<Input<'ask'>, 'job'> {
  const cap = spendLimit(jobUsd, jobTokens)
  if (job !== undefined) return { job: { name: job, cap } }
  if (Object.keys(cap).length === 0) return {}
  const what = '--job-usd and --job-tokens are the caps of a job: name it with --job'
  throw new KithError('usage', what, { what })
}

/** An amount in US dollars such as `0.25`, in millionths of one. By its digits: a float would round it. */
export function microUsd(text: string): number {
  const [, whole, fraction = ''] = /^(\d{1,6})(?:\.(\d{1,6}))?$/.exec(text) ?? []
  if (whole !== undefined) return Number(whole + fraction.padEnd(6, '0'))
  throw new InvalidArgumentError('It is an amount with at most 6 digits behind the point: 0.25.')
}

function spendLimit(
  microUsd: number | undefined,
  tokens: number | undefined,
): { microUsd?: number; tokens?: number } {
  return {
    ...(microUsd === undefined ? {} : { microUsd }),
    ...(tokens === undefined ? {} : { tokens }),
  }
}
