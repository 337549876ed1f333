import type { Figure, Samples } from './samples.ts'
import { figure } from './text-table.ts'

/** What kith has to reach beside another contender, as a ratio of medians of one run. */
interface Target {
  /** Which contender of ours. @default kith */
  of?: string
  figure: Figure
  words: string
  against: string
  better: 'lower' | 'higher'
  /** Absent where the ratio is only to be known. */
  target?: number
  /** What would be good, where that is more than what has to be. */
  aim?: number
}

const CONTENDER = 'kith'

const TARGETS: readonly Target[] = [
  { figure: 'rttP50Ms', words: 'RTT p50', against: 'tls', better: 'lower', target: 2, aim: 1.5 },
  {
    figure: 'callsPerSecond64',
    words: 'calls/s, 64 in flight',
    against: 'grpc',
    better: 'higher',
    target: 8,
    aim: 10,
  },
  {
    figure: 'callsPerSecond64',
    words: 'calls/s, 64 in flight',
    against: 'nats',
    better: 'higher',
    target: 1.5,
  },
  { of: 'agent', figure: 'rttP50Ms', words: 'RTT p50', against: 'provider', better: 'lower' },
  { of: 'agent', figure: 'rttP50Ms', words: 'RTT p50', against: 'kith-ask', better: 'lower' },
  { figure: 'coldConnectMs', words: 'cold connect', against: 'grpc', better: 'lower', target: 0.8 },
  { figure: 'warmConnectMs', words: 'warm connect', against: 'grpc', better: 'lower', target: 1 },
  { figure: 'warmConnectMs', words: 'warm connect', against: 'tls', better: 'lower', target: 2 },
]

/** A target and what became of it. */
export interface Judgement extends Target {
  ratio: number | undefined
  verdict: 'met' | 'missed' | 'not measured' | ''
}

/** What became of each target, by the samples of each contender. */
export function judge(samples: ReadonlyMap<string, Samples>): Judgement[] {
  return TARGETS.map((target) => {
    const ours = samples.get(target.of ?? CONTENDER)?.median(target.figure)
    const theirs = samples.get(target.against)?.median(target.figure)
    const ratio = ours === undefined || theirs === undefined ? undefined : ours / theirs
    return { ...target, ratio, verdict: verdict(target, ratio) }
  })
}

function verdict({ better, target }: Target, ratio: number | undefined): Judgement['verdict'] {
  if (ratio === undefined) return 'not measured'
  if (target === undefined) return ''
  return (better === 'lower' ? ratio <= target : ratio >= target) ? 'met' : 'missed'
}

export const TARGET_HEADINGS = ['ratio', 'measured', 'target', 'aim', 'verdict']

/** A judgement as a row under `TARGET_HEADINGS`. */
export function targetRow({
  of = CONTENDER,
  words,
  against,
  better,
  target,
  aim,
  ratio,
  verdict,
}: Judgement): string[] {
  const sign = better === 'lower' ? '≤' : '≥'
  const bound = (value: number | undefined): string =>
    value === undefined ? '' : `${sign} ${value}`
  return [`${words}, ${of} / ${against}`, figure(ratio), bound(target), bound(aim), verdict]
}
