import { auditHeadEnd } from '../../protocol/verbs.ts'
import { WireFailure } from '../answer.ts'
import type { Caller } from '../caller.ts'
import type { Peer, Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import type { Audit } from './audit.ts'
import { mayTrade } from './head-trade.ts'
import { verifiedHead } from './own-heads.ts'
import { hashAt, hexOf } from './verify.ts'

/** Longest time for one answer. */
const DEADLINE_MS = 10_000

/** What a peer holds of our audit log, beside what is there. */
export interface PeerWitness {
  peer: string
  /** `agrees` also where what it holds was pruned here since. */
  state: 'agrees' | 'contradicts' | 'holds-none' | 'refused' | 'unreachable'
  /** Heads that we have signed, as our key log shows. */
  held: number
  /** The newest of them. */
  newest?: { seq: number; at: number }
  /** The first that does not go together with the log that is here; hashes are in hex. */
  contradiction?: { seq: number; at: number; held: string; here?: string }
}

export interface AskPeersComponents {
  audit: Pick<Audit, 'journal'>
  caller: Pick<Caller, 'call'>
  pins: Pick<Pins, 'peers'>
  self: Pick<Self, 'events'>
}

/** Asks every peer with which heads are exchanged what it holds of our audit log, all at once. */
export async function askPeers(
  components: AskPeersComponents,
  signal: AbortSignal,
): Promise<PeerWitness[]> {
  const peers = components.pins.peers().filter(mayTrade)
  return await Promise.all(peers.map((peer) => askPeer(components, peer, signal)))
}

async function askPeer(
  { audit, caller, self }: AskPeersComponents,
  peer: Peer,
  signal: AbortSignal,
): Promise<PeerWitness> {
  const { name } = peer.pin
  try {
    const options = { deadlineMs: DEADLINE_MS, signal }
    const { held } = await caller.call(peer, 'audit.head', { at: [] }, auditHeadEnd, options)
    // What our key did not sign proves nothing against us.
    const heads = held.flatMap((signed) => verifiedHead(signed, self.events) ?? [])
    heads.sort((a, b) => a.seq - b.seq)
    const newest = heads.at(-1)
    if (newest === undefined) return { peer: name, state: 'holds-none', held: 0 }
    const told = { peer: name, held: heads.length, newest: { seq: newest.seq, at: newest.at } }
    for (const { at, hash, seq } of heads) {
      const here = await hashAt(audit.journal, seq)
      if (here === 'pruned') continue
      if (here !== undefined && Buffer.compare(here, hash) === 0) continue
      const shown = here === undefined ? {} : { here: hexOf(here) }
      const contradiction = { seq, at, held: hexOf(hash), ...shown }
      return { ...told, state: 'contradicts', contradiction }
    }
    return { ...told, state: 'agrees' }
  } catch (err) {
    signal.throwIfAborted()
    return { peer: name, state: err instanceof WireFailure ? 'refused' : 'unreachable', held: 0 }
  }
}
