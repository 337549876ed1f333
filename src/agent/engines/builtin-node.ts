import { setTimeout as delay } from 'node:timers/promises'
import { isFinal } from '../../protocol/ask.ts'
import { singleLine } from '../../protocol/text.ts'
import { utcMinute } from '../memory.ts'
import type { AskFact } from '../ports.ts'
import { misused } from './builtin-command.ts'
import type { CommandCall } from './builtin-command.ts'

/** Most lines that `count` streams, and the pause between two of them. */
const MAX_COUNT = 1_000
const COUNT_PAUSE_MS = 20

const MAX_ASKS_SHOWN = 20
const MAX_NAME_CHARS = 64

/** What the answers about the node are made from. */
type NodeCall = Pick<CommandCall, 'asker' | 'facts' | 'owner'>

/** Which node this is, and the fingerprint of its id. */
export function* answerId({ facts }: Pick<CommandCall, 'facts'>): Generator<string> {
  const { name, id, words } = facts.describe()
  if (name !== undefined) yield `${singleLine(name, MAX_NAME_CHARS)}\n`
  yield `${id}\n`
  yield `${words}\n`
}

/** The node's time, in its own zone and in UTC. */
export function* answerTime({ facts }: Pick<CommandCall, 'facts'>): Generator<string> {
  const now = facts.now()
  const zone = facts.zone()
  // Swedish writes a date as ISO 8601 does.
  const local = new Intl.DateTimeFormat('sv-SE', {
    dateStyle: 'short',
    timeStyle: 'medium',
    timeZone: zone,
  })
  yield `${local.format(now)} ${zone} (${new Date(now).toISOString()})\n`
}

/** The asker's own text. */
export function* answerEcho({ argument }: CommandCall): Generator<string> {
  if (argument !== '') yield argument
}

/** The numbers from 1 on, with a pause after each: a way to try streaming and cancelling. */
export async function* answerCount({ argument, signal }: CommandCall): AsyncGenerator<string> {
  const last = /^\d{1,4}$/u.test(argument) ? Number(argument) : 0
  if (last < 1 || last > MAX_COUNT) throw misused(`count N, with N from 1 to ${MAX_COUNT}`)
  for (let number = 1; number <= last; number++) {
    yield `${number}\n`
    if (number < last) await delay(COUNT_PAUSE_MS, undefined, { signal })
  }
}

/** How the node is, in a few lines. */
export async function* answerStatus(call: NodeCall): AsyncGenerator<string> {
  const { software, uptimeMs } = call.facts.describe()
  yield `${software}, up for ${durationText(uptimeMs)}\n`
  yield `${peerCounts(call)}\n`
  const active = (await asksShown(call)).filter(({ state }) => !isFinal(state)).length
  yield `asks under way${call.owner ? '' : ' from you'}: ${active}\n`
}

/** The peers by name, for the owner. Names are the owner's own and go to nobody else, who gets numbers. */
export function* answerPeers(call: NodeCall): Generator<string> {
  yield `${peerCounts(call)}\n`
  if (!call.owner) return
  for (const { name, connected, lastSeenAt } of call.facts.peers()) {
    const seen = lastSeenAt === undefined ? 'never seen' : `last seen ${utcMinute(lastSeenAt)}`
    yield `${singleLine(name, MAX_NAME_CHARS)}: ${connected ? 'connected' : seen}\n`
  }
}

/** The latest asks: all of them for the owner, a peer's own for a peer. */
export async function* answerAsks(call: NodeCall): AsyncGenerator<string> {
  const asks = await asksShown(call)
  if (asks.length === 0) yield 'No asks.\n'
  for (const { id, asker, state, at } of asks.slice(0, MAX_ASKS_SHOWN)) {
    const from = call.owner ? singleLine(asker, MAX_NAME_CHARS) : 'you'
    yield `${utcMinute(at)} ${state} from ${from}: ${id}\n`
  }
  const more = asks.length - MAX_ASKS_SHOWN
  if (more > 0) yield `and ${more} more\n`
}

function peerCounts({ facts }: NodeCall): string {
  const peers = facts.peers()
  const connected = peers.filter((peer) => peer.connected).length
  return `peers: ${peers.length}, connected: ${connected}`
}

/** The asks that the asker may know of: nobody but the owner sees another's. */
async function asksShown({ asker, facts, owner }: NodeCall): Promise<AskFact[]> {
  return (await facts.asks()).filter((ask) => owner || ask.asker === asker.name)
}

/** `ms` in days, hours and minutes, such as `3 d 0 h 5 min`. */
function durationText(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  return `${Math.floor(minutes / 1_440)} d ${Math.floor(minutes / 60) % 24} h ${minutes % 60} min`
}
