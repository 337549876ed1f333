import type { PeerReport } from '../../../../control/api.ts'
import type { FleetRow } from '../../../../control/routes/fleet.ts'
import { h } from '../dom.ts'
import type { VNode } from '../dom.ts'
import { badge, longList, nothing, section, typed, when } from '../parts.ts'
import type { Tone } from '../parts.ts'
import { valueOf } from '../view.ts'
import type { View } from '../view.ts'
import { duration, line } from '../words.ts'

/** Worst first: who looks is to see those. */
const STATES = ['red', 'unreachable', 'yellow', 'denied', 'never-seen', 'green'] as const
type State = (typeof STATES)[number]

const TONES: Readonly<Record<State, Tone>> = {
  green: 'good',
  yellow: 'warn',
  red: 'bad',
  unreachable: 'away',
  denied: 'off',
  'never-seen': 'off',
}

/** A peer, by its pin and by what it was last heard to be like. */
interface Seen {
  peer: PeerReport
  row: FleetRow | undefined
  state: State
  reasons: readonly string[]
}

/** All pinned peers with their colours, the worst first. */
export function peers(view: View): VNode {
  const pinned = valueOf(view, 'status')?.peers
  const fleet = valueOf(view, 'fleet')
  const rows = new Map(fleet?.rows.map((row) => [row.name, row]))
  const seen = (pinned ?? []).map((peer) => seenOf(peer, rows.get(peer.name)))
  seen.sort((one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state))
  return section(
    'peers',
    'Peers',
    pinned?.length === 0 ? undefined : pinned?.length,
    pinned?.length === 0 && nothing('Nobody is pinned. ', typed(view, 'kith invite NAME')),
    seen.length > 0 && h('p', { class: 'sum' }, sumText(seen)),
    h(
      'ul',
      { class: 'hints' },
      ...(fleet?.hints ?? []).map(({ hint, what }) =>
        h(
          'li',
          { key: what },
          badge('warn', 'hint'),
          ` ${line(what)} `,
          hint !== undefined && typed(view, hint),
        ),
      ),
    ),
    longList(
      view,
      'peers',
      'peers',
      seen.map((one) => item(view, one)),
    ),
  )
}

function item({ now }: View, { peer, reasons, row, state }: Seen): VNode {
  const { allow, connectedAt, nextDialAt } = peer
  const facts = [
    row?.status?.software ?? peer.software,
    row?.rttMs === undefined ? undefined : `${Math.round(row.rttMs)} ms away`,
    connectedAt === undefined ? undefined : `connected for ${duration(now - connectedAt)}`,
    nextDialAt === undefined || nextDialAt < now
      ? undefined
      : `next try in ${duration(nextDialAt - now)}`,
    `may ${allow.join(', ') || 'nothing'}`,
  ].flatMap((fact) => (fact === undefined ? [] : line(fact)))
  const lastOkAt = state === 'green' ? undefined : row?.lastOkAt
  return h(
    'li',
    { key: peer.name, class: 'peer' },
    h(
      'div',
      { class: 'head' },
      h('h3', {}, line(peer.name)),
      badge(TONES[state], state === 'never-seen' ? 'never seen' : state),
    ),
    ...reasons.map((reason) => h('p', { class: 'reason' }, line(reason))),
    h('p', { class: 'about' }, facts.join(' · ')),
    lastOkAt !== undefined && h('p', { class: 'about' }, 'green ', when(lastOkAt, now)),
  )
}

function seenOf(peer: PeerReport, row: FleetRow | undefined): Seen {
  if (row !== undefined) return { peer, row, state: row.state, reasons: row.reasons }
  const reasons = peer.lastError === undefined ? [] : [peer.lastError]
  return { peer, row, ...standingOf(peer), ...(reasons.length === 0 ? {} : { reasons }) }
}

/** How a peer is, as far as its connection tells. */
function standingOf({ state }: PeerReport): Pick<Seen, 'reasons' | 'state'> {
  switch (state) {
    case 'connected':
      return { state: 'green', reasons: [] }
    case 'disconnected':
      return { state: 'unreachable', reasons: [] }
    case 'waiting':
      return { state: 'never-seen', reasons: ['it has not shown its key log yet'] }
    case 'unpinned-you':
      return { state: 'denied', reasons: ['it has unpinned this node'] }
    case 'frozen':
      return { state: 'red', reasons: ['frozen: its key log stands against itself'] }
    case 'retired':
      return { state: 'red', reasons: ['it has retired its identity'] }
  }
}

/** `3 green, 1 unreachable` */
function sumText(seen: readonly Seen[]): string {
  const counts = Map.groupBy(seen, ({ state }) => state)
  return STATES.toReversed()
    .flatMap((state) => {
      const number = counts.get(state)?.length
      return number === undefined ? [] : `${number} ${state.replace('-', ' ')}`
    })
    .join(', ')
}
