import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import { withLimits } from '../../ask-limits.ts'
import type { LimitOptions } from '../../ask-limits.ts'
import { given, isEmpty } from './given.ts'

const MICRO_PER_USD = 1_000_000

/** Checked against jobs.yaml's by its schema: to load that would cost a command 50 ms. */
const EGRESS = ['none', 'local-model', 'provider', 'peers']

/** What a job does, as jobs.yaml has it. Of a change, only what changes. */
export interface TargetRow {
  kind?: 'ask' | 'command' | 'backup' | 'webhook'
  peer?: string
  text?: string
  preset?: string
  egress?: string
  budget?: { usd?: number; tokens?: number }
  argv?: string[]
  cwd?: string
  url?: string
  secret?: string
}

/** At most one of `ask`, `command`, `backup` and `webhook` makes sense. */
export interface TargetOptions extends LimitOptions {
  ask?: string
  command?: true
  backup?: true
  webhook?: string
  egress?: string
  cwd?: string
  secret?: string
}

/** The ways to say what, for those who said none. */
export const TARGET_FLAGS = '--ask PEER TEXT, --command -- PROGRAM ARGS, --backup, --webhook URL'

/** Adds the options that say what a job does, and the argument that goes with two of them. */
export function withTarget(command: Command): Command {
  command
    .argument('[words...]', 'the text of --ask; behind --, the program of --command')
    .option('--ask <peer>', 'ask this peer, or self, what stands in the words; - reads it')
    .option('--command', 'run a program with its arguments; no shell reads them')
    .option('--cwd <folder>', 'where the program starts (default: the workspace)')
    .option('--backup', 'make a backup of this node')
    .option('--webhook <url>', 'call this address')
    .option('--secret <where>', 'what signs these calls, such as file:/etc/kith/hook.key')
  return withLimits(command).addOption(
    new Option('--egress <reach>', 'how far an ask may reach').choices(EGRESS),
  )
}

/**
 * Those options and words, as jobs.yaml has them; undefined where there are none.
 *
 * @throws {KithError} `usage` for what does not go together
 */
export function targetOf(options: TargetOptions, words: readonly string[]): TargetRow | undefined {
  const { ask, backup, command, webhook } = options
  const kinds = [ask, command, backup, webhook].filter((kind) => kind !== undefined)
  if (kinds.length > 1) throw misused(`a job does one thing: one of ${TARGET_FLAGS}`)
  const details = detailsOf(options, kinds.length === 1)
  const [what] = words
  if (ask !== undefined) {
    if (what === undefined) throw misused(`say what to ask ${ask}, behind it`)
    // An owner who names a peer means it to be reached; of what else may be reached, they have to say so.
    const egress = ask === 'self' ? {} : { egress: 'peers' }
    return { kind: 'ask', peer: ask, text: words.join(' '), ...egress, ...details }
  }
  if (command === true) {
    if (what === undefined) throw misused('say which program, behind --: --command -- ls -l')
    return { kind: 'command', argv: [...words], ...details }
  }
  if (what !== undefined) {
    throw misused(`${JSON.stringify(what)} belongs to no --ask PEER, and to no --command`)
  }
  if (backup === true) return { kind: 'backup' }
  if (webhook !== undefined) return { kind: 'webhook', url: webhook, ...details }
  return isEmpty(details) ? undefined : details
}

/** What is said of the target beside its kind. With `whole` it has to go with the kind, else with what is there. */
function detailsOf(options: TargetOptions, whole: boolean): TargetRow {
  const { ask, command, cwd, egress, maxTokens, maxUsd, preset, secret, webhook } = options
  const budget = given({
    usd: maxUsd === undefined ? undefined : maxUsd / MICRO_PER_USD,
    tokens: maxTokens,
  })
  const ofAsk = { ...given({ preset, egress }), ...(isEmpty(budget) ? {} : { budget }) }
  if (whole && ask === undefined && !isEmpty(ofAsk)) {
    throw misused('--preset, --max-usd, --max-tokens and --egress go with --ask')
  }
  if (whole && command === undefined && cwd !== undefined)
    throw misused('--cwd goes with --command')
  if (whole && webhook === undefined && secret !== undefined) {
    throw misused('--secret goes with --webhook')
  }
  return { ...ofAsk, ...given({ cwd: cwd === undefined ? undefined : resolve(cwd), secret }) }
}

function misused(what: string): KithError<'usage'> {
  return new KithError('usage', what, { what })
}
