import { randomBytes } from 'node:crypto'
import { decideGrant } from '../../protocol/grant.ts'
import { KithError } from '../../protocol/errors.ts'
import { pingEnd } from '../../protocol/verbs.ts'
import { unknownPeer } from '../asks/ask-desk.ts'
import type { AskHandle } from '../asks/handle.ts'
import type { KithNode } from '../node.ts'
import type { Peer } from '../pins.ts'
import type { AskReport, AskStreamItem, Output, RouteName, Routes } from './api.ts'
import { reportAsk, reportPeer, reportStatus } from './reports.ts'
import type { z } from 'zod'

const PING_TIMEOUT_MS = 10_000

type Parsed<N extends RouteName> = z.output<Routes[N]['input']>

/** What each route does: input checked, output as its schema says; the stream's items as they come. */
export type Handlers = {
  [N in Exclude<RouteName, 'askEvents'>]: (
    input: Parsed<N>,
    signal: AbortSignal,
  ) => Promise<Output<N>>
} & {
  askEvents: (
    input: Parsed<'askEvents'>,
    signal: AbortSignal,
  ) => Promise<AsyncIterable<AskStreamItem>>
}

export function createHandlers(
  node: KithNode,
  init: { readyAfterMs: () => number; stop: () => void },
): Handlers {
  return {
    status: async () => reportStatus(node, init.readyAfterMs()),
    stop: async () => {
      init.stop()
      return {}
    },
    peers: async () => node.pins.peers().map((peer) => reportPeer(node, peer)),
    editPeers: async (edit) => {
      await node.pins.edit(edit)
      return node.pins.peers().map((peer) => reportPeer(node, peer))
    },
    explain: async ({ name, verb }) => {
      const decision = decideGrant(find(node, name).pin, verb, {
        now: node.clock.now(),
        chainLength: 1,
      })
      const why = decision.allowed ? 'granted' : decision.why
      return { peer: name, verb, allowed: decision.allowed, rule: decision.rule, why }
    },
    ping: async ({ name, timeoutMs }, signal) => await ping(node, name, timeoutMs, signal),
    ask: async (request) => await report(node, await node.desk.ask(request)),
    asks: async ({ limit }) => {
      const records = await node.desk.list(limit)
      return await Promise.all(records.map((record) => report(node, { record })))
    },
    showAsk: async ({ ask }) => {
      const handle = await node.desk.find(ask)
      const { answer, text } = await node.desk.content(handle)
      return { ...(await report(node, handle)), text, answer }
    },
    cancelAsk: async ({ ask }) => await report(node, await node.desk.cancel(ask)),
    askEvents: async ({ after = 0, ask }, signal) =>
      items((await node.desk.find(ask)).read(after, signal)),
  }
}

async function ping(
  node: KithNode,
  name: string,
  timeoutMs = PING_TIMEOUT_MS,
  signal: AbortSignal,
): Promise<Output<'ping'>> {
  const peer = find(node, name)
  // Before the clock starts: a dial is no part of a round trip.
  await node.dialer.connect(peer, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  const nonce = new Uint8Array(randomBytes(16))
  const sentAt = performance.now()
  const options = { deadlineMs: timeoutMs, signal }
  const end = await node.caller.call(peer, 'ping', { nonce }, pingEnd, options)
  const rttMs = performance.now() - sentAt
  if (Buffer.compare(end.nonce, nonce) !== 0) {
    throw new KithError('bad-request', `${name} sent another nonce back`, { what: 'nonce' })
  }
  return {
    peer: name,
    rttMs,
    clockOffsetMs: Math.round(end.at + rttMs / 2 - node.clock.now()),
    software: end.software,
    uptimeMs: end.uptimeMs,
  }
}

function find(node: KithNode, name: string): Peer {
  const peer = node.pins.byName(name)
  if (peer === undefined) throw unknownPeer(name)
  return peer
}

async function report(node: KithNode, handle: Pick<AskHandle, 'record'>): Promise<AskReport> {
  return reportAsk(node, handle, await node.desk.lastSeq(handle.record))
}

async function* items(events: ReturnType<AskHandle['read']>): AsyncGenerator<AskStreamItem> {
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) {
      yield { type: 'final', final: value }
      return
    }
    yield { type: 'event', seq: value.seq, body: value.body }
  }
}
