import { cpus } from 'node:os'
import { PIECES } from '../contenders/model-stream.ts'
import { onOwnCore } from './cores.ts'
import type { Plan } from './plan.ts'
import type { Samples } from './samples.ts'
import { judge, TARGET_HEADINGS, targetRow } from './targets.ts'
import { figure, textTable } from './text-table.ts'

/** What became of a contender: its samples, or why there are none. */
export type Outcome =
  { status: 'measured'; samples: Samples } | { status: 'skipped' | 'failed'; reason: string }

/** What one run found. */
export interface Run {
  startedAt: Date
  seconds: number
  plan: Plan
  outcomes: ReadonlyMap<string, Outcome>
}

const HEADINGS = [
  'contender',
  'import ms',
  'cold ms',
  'warm ms',
  'RTT p50 ms',
  'p99 ms',
  'calls/s 1',
  'calls/s 64',
  'CPU µs 1',
  'CPU µs 64',
]

const LEGEND = `cold, warm: connect to first answer, in a fresh process (after its imports) and in a warm one.
calls/s, CPU µs per call: with 1 and with 64 in flight; CPU is client/server (+ broker).
Medians of interleaved rounds; differences under 20 % mean nothing.`

/** The run as text: a table of contenders, the ratios with their targets, what was left out. */
export function runText(run: Run): string {
  const rows = [...run.outcomes].map(([name, outcome]) =>
    outcome.status === 'measured' ? contenderRow(name, outcome.samples) : [name, outcome.status],
  )
  const notes = [...run.outcomes].flatMap(([name, outcome]) =>
    outcome.status === 'measured' ? [] : [`${name} ${outcome.status}: ${outcome.reason}`],
  )
  return [
    `Node ${process.version}, ${cpus().length} × ${cpuModel()}, ${placement()}, ${Math.round(run.seconds)} s`,
    textTable(HEADINGS, rows),
    LEGEND,
    ...streamed(run),
    textTable(TARGET_HEADINGS, judge(measured(run)).map(targetRow)),
    ...notes,
  ].join('\n\n')
}

/** The run as JSON: medians, every sample, and the targets. */
export function runJson(run: Run): string {
  const contenders = [...run.outcomes].map(([name, outcome]) => [
    name,
    outcome.status === 'measured' ? { ...outcome, medians: outcome.samples.medians() } : outcome,
  ])
  const machine = { node: process.version, platform: process.platform, cores: cpus().length }
  const content = {
    startedAt: run.startedAt,
    seconds: run.seconds,
    machine: { ...machine, cpu: cpuModel(), placement: placement() },
    plan: run.plan,
    contenders: Object.fromEntries(contenders) as Record<string, unknown>,
    targets: judge(measured(run)),
  }
  return `${JSON.stringify(content, undefined, 2)}\n`
}

function measured({ outcomes }: Run): Map<string, Samples> {
  const samples = new Map<string, Samples>()
  for (const [name, outcome] of outcomes) {
    if (outcome.status === 'measured') samples.set(name, outcome.samples)
  }
  return samples
}

/** How many events of answers went from peer to peer in a second. */
function streamed(run: Run): string[] {
  const agent = measured(run).get('agent')
  if (agent === undefined) return []
  const perSecond = (inFlight: 1 | 64): string =>
    figure((agent.median(`callsPerSecond${inFlight}`) ?? NaN) * PIECES)
  return [
    `agent: each answer streams in ${PIECES} events; ${perSecond(1)} events/s with 1 in flight, ${perSecond(64)} with 64.`,
  ]
}

function contenderRow(name: string, samples: Samples): string[] {
  const cell = (...args: Parameters<Samples['median']>): string => figure(samples.median(...args))
  return [
    name,
    cell('importMs'),
    cell('coldConnectMs'),
    cell('warmConnectMs'),
    cell('rttP50Ms'),
    cell('rttP99Ms'),
    cell('callsPerSecond1'),
    cell('callsPerSecond64'),
    cpuCell(samples, 1),
    cpuCell(samples, 64),
  ]
}

function cpuCell(samples: Samples, inFlight: 1 | 64): string {
  const client = samples.median(`clientCpuMicros${inFlight}`)
  const server = samples.median(`serverCpuMicros${inFlight}`)
  const broker = samples.median(`brokerCpuMicros${inFlight}`)
  return `${figure(client)}/${figure(server)}${broker === undefined ? '' : `+${figure(broker)}`}`
}

/** Runs with different words here cannot be compared. */
function placement(): string {
  return onOwnCore('client').length > 0 ? 'client and server on a core each' : 'cores not pinned'
}

function cpuModel(): string {
  return cpus()[0]?.model ?? 'unknown CPU'
}
