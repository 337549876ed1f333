import { KithError } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import type { ChildInit } from '../child.ts'
import type {
  ApprovalEvent,
  Budget,
  EngineAsk,
  ProgramRun,
  Reservation,
  Sessions,
  SpendLimit,
  Usage,
} from '../ports.ts'
import type { StandardPreset, ToolClass } from '../presets.ts'
import type { ToolGuard } from '../tool-guard.ts'

/** What a program can do by itself, without asking us: the preset that an ask needs to reach it. */
export type ProgramNeeds = Exclude<StandardPreset, 'none'>

/** A program of the owner's that answers asks. */
export interface ProgramInit extends ChildInit {
  /** @default full */
  needs?: ProgramNeeds
  /** What one ask of it costs at most. Without a sum it is refused wherever a cap in money is set. @default unknown */
  most?: SpendLimit
}

export interface ProgramComponents {
  guard: ToolGuard
  budget: Budget
  sessions: Sessions
  /** Told of the program that an ask runs, for the log of runs. */
  onProgram: (ask: string, run: ProgramRun) => void
  /** Takes secrets out of what a program says, before it gets to a log. */
  redacted: (text: string) => string
  /** Our own node id. */
  ownId: string
  /** In ms since the epoch. */
  now: () => number
}

/** How much of what a program said last goes to the log, in UTF-16 units. */
const MAX_TAIL_CHARS = 1_000

/** The state of an ask that waits for a person before its program was started: it can go on after a restart. */
const NOT_STARTED = new TextEncoder().encode('not started')

/** What the program may do, each with those before it. */
const POWERS: readonly { needs: ProgramNeeds; classes: readonly ToolClass[] }[] = [
  { needs: 'read-only', classes: ['read'] },
  { needs: 'write', classes: ['write'] },
  { needs: 'full', classes: ['exec', 'network', 'spend'] },
]

/**
 * Returns once the program of `engine` may work for `ask`. It can do all that its `needs` say without asking us, so
 * that the presets have to cover that, and a person has to agree if one of those classes waits for a person.
 *
 * @throws {KithError} `denied` with rule `preset`, or as `ToolGuard.permit`
 */
export async function* permitProgram(
  guard: ToolGuard,
  engine: string,
  { argv: [program], needs = 'full' }: ProgramInit,
  ask: EngineAsk,
  signal: AbortSignal,
): AsyncGenerator<ApprovalEvent, undefined> {
  const last = POWERS.findIndex((power) => power.needs === needs)
  const classes = POWERS.slice(0, last + 1).flatMap((power) => power.classes)
  const [own = 'exec'] = POWERS[last]?.classes ?? []
  yield* guard.permit(
    ask,
    {
      tool: { name: engine, class: own },
      risk: classes.some((name) => ask.approve.includes(name)) ? 'caution' : 'safe',
      what: `let ${program} answer: ${ask.text}`,
      key: program,
    },
    {
      checkpoint: NOT_STARTED,
      signal,
      ...(ask.resume === undefined ? {} : { approval: ask.resume.approval }),
    },
  )
}

/** True for an ask whose program ran when the node stopped. It went with the node. */
export function wasRunning(ask: EngineAsk): boolean {
  return ask.resume !== undefined && !Buffer.from(ask.resume.checkpoint).equals(NOT_STARTED)
}

/** Takes what the program may cost. @throws {KithError} `budget-exhausted` */
export async function reserveProgram(
  budget: Budget,
  engine: string,
  { argv: [program], most = {} }: ProgramInit,
  ask: EngineAsk,
): Promise<{ reservation: Reservation; usage: Usage }> {
  const usage = {
    model: `${engine}/${program}`,
    inputTokens: most.tokens ?? 0,
    outputTokens: 0,
    microUsd: most.microUsd,
    estimated: true,
  }
  return { reservation: await budget.reserve(ask, usage), usage }
}

/** What our operator is told of a program that broke, with the end of what it `said`. */
export function programFailed(
  program: string,
  why: string,
  said: string,
): KithError<'program-failed'> {
  const tail = singleLine(said.slice(-MAX_TAIL_CHARS), MAX_TAIL_CHARS)
  const message = `${program} ${why}${tail === '' ? '' : `; it said last: ${tail}`}`
  const hint = 'run it by hand in the folder of the workspace, with the same arguments'
  return new KithError('program-failed', message, { program, why }, { hint })
}
