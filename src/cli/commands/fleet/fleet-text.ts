import type { FleetReport, FleetRow } from '../../../node/control/api.ts'
import { singleLine } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { paint, table } from '../../terminal.ts'
import { durationText } from '../../time-text.ts'

/** Colours are for the eye alone: the word says the same. */
export const STATE_STYLE = {
  green: 'green',
  yellow: 'yellow',
  red: 'red',
  denied: 'yellow',
  unreachable: 'gray',
  'never-seen': 'gray',
} as const

const HEAD = ['NAME', 'STATE', 'SINCE', 'VERSION', 'ROUND TRIP', 'WHY']
const STATE_COLUMN = 1
const MAX_WHY_CHARS = 160

/** A line for each peer, then what several of them say together, then how many are how. */
export function fleetText(cli: CliContext, report: FleetReport): string {
  const { at, hints, rows } = report
  if (rows.length === 0) return 'no peers: kith invite NAME'
  const lines = table([HEAD, ...rows.map((row) => lineOf(row, at))], (cell, row, column) => {
    const state = rows[row - 1]?.state
    return state === undefined || column !== STATE_COLUMN
      ? cell
      : paint(cli, STATE_STYLE[state], cell)
  })
  return [
    lines,
    ...hints.map(({ hint, what }) => {
      const remedy = hint === undefined ? '' : `\n    try: ${singleLine(sameHome(cli, hint), 512)}`
      return `${paint(cli, 'bold', 'hint:')} ${singleLine(what, 512)}${remedy}`
    }),
    countText(rows),
  ].join('\n\n')
}

function lineOf(row: FleetRow, now: number): string[] {
  const { name, reasons, rttMs, since, state, status } = row
  const answered = state === 'green' || state === 'yellow' || state === 'red'
  return [
    name,
    state,
    durationText(now - since),
    status?.software.replace(/^kith\//, '') ?? '-',
    rttMs === undefined || !answered ? '-' : durationText(rttMs),
    singleLine([...reasons, ...lastSeen(row, now)].join('; '), MAX_WHY_CHARS) || '-',
  ]
}

/** Of a peer that is away: since when nothing good is known of it. */
function lastSeen({ lastOkAt, state }: FleetRow, now: number): string[] {
  if (lastOkAt === undefined || state === 'green') return []
  return [`green ${durationText(now - lastOkAt)} ago`]
}

/** `20 peers: 17 green, 1 denied, 2 unreachable`. */
function countText(rows: readonly FleetRow[]): string {
  const counts = [...Map.groupBy(rows, ({ state }) => state)].map(
    ([state, same]) => `${same.length} ${state}`,
  )
  return `${rows.length} ${rows.length === 1 ? 'peer' : 'peers'}: ${counts.join(', ')}`
}
