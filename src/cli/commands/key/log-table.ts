import type { KeyEventReport } from '../../../node/control/api.ts'
import { table } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'

/** Enough to tell two events apart, and for `kith peers settle`; `--json` has the whole. */
const HASH_DIGITS = 16

/** One line an event: its number, what it is, when it was made, the key that it brings, and how its hash begins. */
export function logTable(events: readonly KeyEventReport[]): string {
  const seen = events.some(({ seenAt }) => seenAt !== undefined)
  return table([
    ['SN', 'WHAT', 'MADE', ...(seen ? ['SEEN HERE'] : []), 'KEY', 'HASH'],
    ...events.map((event) => [
      String(event.sn),
      eventText(event),
      timeText(event.at),
      ...(seen ? [event.seenAt === undefined ? '-' : timeText(event.seenAt)] : []),
      event.key ?? '-',
      event.hash.slice(0, HASH_DIGITS),
    ]),
  ])
}

/** `rotation (routine, grace 1 d 0 h)`. */
function eventText({ graceSeconds = 0, lastGoodAt, type, why }: KeyEventReport): string {
  switch (type) {
    case 'icp':
      return 'inception'
    case 'rec':
      return 'recovery'
    case 'end':
      return 'retirement'
    case 'rot': {
      const parts = [
        why ?? '',
        ...(graceSeconds > 0 ? [`grace ${durationText(graceSeconds * 1_000)}`] : []),
        ...(lastGoodAt === undefined ? [] : [`last good ${timeText(lastGoodAt)}`]),
      ]
      return `rotation (${parts.join(', ')})`
    }
  }
}
