import type { RunReport } from '../../../node/control/api.ts'
import { singleLine } from '../../../protocol/text.ts'
import { shortIds } from '../../short-id.ts'
import { paint, table } from '../../terminal.ts'
import type { Outputs } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'

/** Longest result in a line, in code points. */
const MAX_RESULT_CHARS = 512

const STYLES = {
  queued: undefined,
  running: undefined,
  succeeded: 'green',
  failed: 'red',
  'timed-out': 'red',
  interrupted: 'red',
  cancelled: 'yellow',
} as const satisfies Record<RunReport['state'], unknown>

/** `NODE` is there where nodes share their jobs. */
const HEAD = ['RUN', 'JOB', 'DUE', 'CAUSE', 'STATE', 'TRIES', 'NODE', 'TOOK', 'RESULT']
const STATE_COLUMN = HEAD.indexOf('STATE')
const NODE_COLUMN = HEAD.indexOf('NODE')

/** One line a run, its state in a colour on a terminal. */
export function runsTable(
  outputs: Pick<Outputs, 'env' | 'stdout'>,
  runs: readonly RunReport[],
): string {
  const short = shortIds(runs.map(({ run }) => run))
  const lines = [HEAD, ...runs.map((run) => [short(run.run), ...cells(run)])]
  const shared = runs.some(({ node }) => node !== undefined)
  const rows = shared ? lines : lines.map((line) => line.toSpliced(NODE_COLUMN, 1))
  return table(rows, (cell, row, column) => {
    const style = column === STATE_COLUMN ? STYLES[runs[row - 1]?.state ?? 'queued'] : undefined
    return style === undefined ? cell : paint(outputs, style, cell)
  })
}

/** `succeeded nightly, 1.2 s: 3 files`: a run that has ended, in one line. */
export function runLine(outputs: Pick<Outputs, 'env' | 'stdout'>, run: RunReport): string {
  const style = STYLES[run.state]
  const state = style === undefined ? run.state : paint(outputs, style, run.state)
  const result = resultText(run)
  const said = result === '' ? '' : `: ${singleLine(result, MAX_RESULT_CHARS)}`
  return `${state} ${singleLine(run.job, MAX_RESULT_CHARS)}, ${tookText(run)}${said}`
}

/** All that is known of a run, a line each. */
export function runTable(outputs: Pick<Outputs, 'env' | 'stdout'>, run: RunReport): string {
  const { artifact, claimedAt, deliveries = [], failure, finalAt, readyAt, retryOf, summary } = run
  const rows = [
    ['run', run.run],
    ['state', run.state],
    ['job', run.job],
    ['cause', causeText(run)],
    ['due', timeText(run.dueAt)],
    ...(run.state === 'queued' ? [['may start', timeText(readyAt)]] : []),
    ...(claimedAt === undefined ? [] : [['started', timeText(claimedAt)]]),
    ...(finalAt === undefined ? [] : [['ended', `${timeText(finalAt)}, after ${tookText(run)}`]]),
    ['tries', String(run.attempts)],
    ...(run.node === undefined ? [] : [['node', run.node]]),
    ...(retryOf === undefined ? [] : [['retry of', retryOf]]),
    ...(summary === undefined ? [] : [['result', summary]]),
    ...(failure === undefined ? [] : [['failure', `${failure.code}: ${failure.why}`]]),
    ...(artifact === undefined ? [] : [['artifact', artifact]]),
    ...deliveries.map(({ attempts, failure: fault, state, to }) => [
      'delivery',
      `${to}: ${state} after ${attempts}${fault === undefined ? '' : ` (${fault.code}: ${fault.why})`}`,
    ]),
  ]
  const style = STYLES[run.state]
  return table(rows, (cell, row, column) =>
    style !== undefined && row === 1 && column === 1 ? paint(outputs, style, cell) : cell,
  )
}

function cells(run: RunReport): string[] {
  return [
    run.job,
    timeText(run.dueAt),
    causeText(run),
    run.state,
    String(run.attempts),
    run.node ?? '-',
    tookText(run),
    resultText(run),
  ]
}

/** `schedule`, or `peer (bob)`. */
function causeText({ by, cause }: RunReport): string {
  return by === 'self' ? cause : `${cause} (${by})`
}

function tookText({ claimedAt, finalAt }: RunReport): string {
  return claimedAt === undefined || finalAt === undefined ? '-' : durationText(finalAt - claimedAt)
}

/** What came of it; where an attempt failed and there is no result, why. */
function resultText({ failure, state, summary }: RunReport): string {
  if (state === 'succeeded') return summary ?? ''
  return failure === undefined ? '' : `${failure.code}: ${failure.why}`
}
