import { failed } from '../../agent/failure.ts'
import type { Budget, EngineAsk, EngineEvent, SpendLimit } from '../../agent/ports.ts'
import type { PeerAsk, PeerCaller } from '../../agent/tools/ask-peer.ts'
import { KithError, isWireCode } from '../../protocol/errors.ts'
import type { WireCode, WireDetails } from '../../protocol/errors.ts'
import { uuidV7 } from '../../protocol/uuid.ts'
import type { AskCall, AskFinal } from '../../protocol/verbs.ts'
import { unknownPeer } from '../asks/ask-desk.ts'
import type { Asker } from '../asks/asker.ts'
import type { AskHandle } from '../asks/handle.ts'
import type { Clock } from '../clock.ts'
import type { Pins } from '../pins.ts'

/** Ends by which a peer has not begun with an answer, where it has said nothing before. */
const UNSPENT: ReadonlySet<string> = new Set([
  'unreachable',
  'breaker-open',
  'denied',
  'cycle',
  'rate-limited',
  'busy',
])

export interface AgentPeersComponents {
  asker: Pick<Asker, 'ask' | 'cancel'>
  pins: Pick<Pins, 'byName' | 'byId'>
  budget: Budget
  /** What an ask may still cost. */
  left: (ask: EngineAsk) => SpendLimit | undefined
  clock: Clock
  randomBytes: (count: number) => Uint8Array
  ownId: string
}

/** Asks peers for an ask that is answered here, as far as the grant of its asker lets it go. */
export class AgentPeers implements PeerCaller {
  readonly #components: AgentPeersComponents

  constructor(components: AgentPeersComponents) {
    this.#components = components
  }

  async *ask(
    init: PeerAsk,
    onBehalfOf: EngineAsk,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent, void> {
    const { asker, budget, clock, left, pins, randomBytes } = this.#components
    this.#assertDepth(onBehalfOf)
    const peer = pins.byName(init.peer)
    if (peer === undefined) throw unknownPeer(init.peer)
    const { id } = peer
    if (id === undefined) {
      const reason = 'its node id is not known before the first contact'
      throw new KithError('unreachable', `${init.peer} has not been met yet`, {
        peer: init.peer,
        reason,
      })
    }
    if (init.chain.includes(id)) {
      throw new KithError('cycle', `the ask has come through ${init.peer}`, { node: id })
    }
    const share = half(left(onBehalfOf))
    const settle =
      share === undefined ? undefined : await reserveShare(budget, init, onBehalfOf, share)
    let unspent = false
    try {
      const call: AskCall = {
        ask: uuidV7(clock.now(), randomBytes(10)),
        text: init.text,
        chain: [...init.chain],
        timeoutMs: Math.max(1, init.deadlineAt - clock.now()),
        preset: init.preset,
        ...(share === undefined ? {} : { budget: share }),
      }
      const handle = await asker.ask({ ...peer, id }, call, false, onBehalfOf.id)
      const { final, heard } = yield* answerOf(handle, signal, asker)
      unspent = !heard && final.outcome === 'failed' && UNSPENT.has(final.code)
      yield endOf(final, init.peer)
    } finally {
      await settle?.(unspent)
    }
  }

  /** A peer's ask goes as far as its grant says, counted from its first asker. */
  #assertDepth({ asker, chain }: EngineAsk): void {
    if (asker.id === this.#components.ownId) return
    const depth = this.#components.pins.byId(asker.id)?.pin.ask.depth ?? 0
    if (chain.length <= depth) return
    const message = `asks of ${asker.name} may cause none of ours to others (depth ${depth})`
    throw new KithError('denied', message, { rule: 'depth' })
  }
}

/** The events of an answer. Returns its final, and whether any came before it. Leaving it early cancels the ask. */
async function* answerOf(
  handle: AskHandle,
  signal: AbortSignal,
  asker: Pick<Asker, 'cancel'>,
): AsyncGenerator<EngineEvent, { final: AskFinal; heard: boolean }> {
  const events = handle.read(0, signal)
  let heard = false
  let ended = false
  try {
    for (;;) {
      const { done, value } = await events.next()
      if (done === true) {
        ended = true
        return { final: value, heard }
      }
      const { body } = value
      if (body.kind === 'accepted') continue
      heard = true
      yield body
    }
  } finally {
    if (!ended) await asker.cancel(handle.record)
  }
}

/** @throws {KithError} `unreachable` */
function endOf(final: AskFinal, peer: string): EngineEvent {
  if (final.outcome === 'done') return { kind: 'done' }
  const { code, details } = final
  if (code === 'unreachable') {
    const reason = String(details['reason'])
    throw new KithError('unreachable', `${peer} cannot be reached`, { peer, reason })
  }
  const wire: WireCode = isWireCode(code) ? code : 'internal'
  return failed(wire, details as unknown as WireDetails[typeof wire], `the peer says ${code}`)
}

/** Half of what is left goes along, so that the ask itself can go on as well. */
function half(left: SpendLimit | undefined): SpendLimit | undefined {
  if (left === undefined) return undefined
  const share: SpendLimit = {}
  if (left.microUsd !== undefined) share.microUsd = Math.floor(left.microUsd / 2)
  if (left.tokens !== undefined) share.tokens = Math.floor(left.tokens / 2)
  return share
}

/**
 * Takes the share of a peer. What it has cost there is not told: unless it is unspent, all of it counts as spent, so
 * that the cap holds over both nodes.
 */
async function reserveShare(
  budget: Budget,
  { peer }: PeerAsk,
  ask: EngineAsk,
  { microUsd = 0, tokens = 0 }: SpendLimit,
): Promise<(unspent: boolean) => Promise<void>> {
  const usage = {
    ...{ model: `peer/${peer}`, microUsd, inputTokens: tokens, outputTokens: 0 },
    estimated: true,
  }
  const reservation = await budget.reserve(ask, usage)
  return async (unspent) => {
    await reservation.settle(unspent ? { ...usage, microUsd: 0, inputTokens: 0 } : usage)
  }
}
