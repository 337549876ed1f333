import { idProblem } from '../../protocol/ask.ts'
import { KithError } from '../../protocol/errors.ts'
import type { WireCode } from '../../protocol/errors.ts'
import { MAX_ASK_TEXT_BYTES } from '../../protocol/limits.ts'
import { isMap } from '../../protocol/message.ts'
import { decideRate, perMinute } from '../../protocol/rate.ts'
import { askCall, attachCall, cancelCall, getCall } from '../../protocol/verbs.ts'
import type { AskCall, AskEnd } from '../../protocol/verbs.ts'
import { WireFailure } from '../answer.ts'
import type { Answer } from '../answer.ts'
import type { Answerer } from '../asks/answerer.ts'
import { bytesOfAsk } from '../asks/daily-bytes.ts'
import type { DailyBytes } from '../asks/daily-bytes.ts'
import type { AskHandle, AskerInfo } from '../asks/handle.ts'
import type { AskRecord } from '../asks/ask-store.ts'
import type { KnownPeer } from '../pins.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb, Verb } from './verb.ts'

export interface AskVerbComponents {
  answerer: Pick<
    Answerer,
    'find' | 'newestForgotten' | 'assertRoom' | 'submit' | 'attach' | 'cancel' | 'lastSeq'
  >
}

export interface NewAskComponents extends AskVerbComponents {
  bytes: Pick<DailyBytes, 'excess' | 'add'>
}

/** `ask`: starts an ask or joins the one with its id, and sends its events and its final. */
export function askVerb({ answerer, bytes }: NewAskComponents, init: { ownId: string }): AnyVerb {
  const cells = new Map<string, number>()
  const verb: Verb<AskCall> = {
    name: 'ask',
    body: askCall,
    assertSize: (body) => {
      const text = isMap(body) ? body['text'] : undefined
      const bytes = typeof text === 'string' ? Buffer.byteLength(text) : 0
      if (bytes <= MAX_ASK_TEXT_BYTES) return
      throw new KithError('too-large', 'the text is too long', {
        bytes,
        limitBytes: MAX_ASK_TEXT_BYTES,
      })
    },
    admit: ({ peer, body, now }) => {
      assertChain(body.chain, peer.id, init.ownId)
      // A duplicate joins what is there: it is no new ask, needs no room, and its id may be as old as the ask.
      if (answerer.find(peer.id, body.ask) !== undefined) return () => undefined
      const rate = decideRate(perMinute(peer.pin.ask.perMinute), cells.get(peer.id), now)
      if (!rate.allowed) {
        const { retryAfterMs } = rate
        throw new KithError('rate-limited', 'too many asks a minute', { retryAfterMs })
      }
      const problem = idProblem(body.ask, now, answerer.newestForgotten(peer.id))
      if (problem !== undefined) throw new KithError('bad-request', problem, { what: problem })
      const asker = askerOf(peer)
      answerer.assertRoom(asker)
      const more = bytesOfAsk(body)
      const full = bytes.excess(asker, more)
      if (full !== undefined) {
        throw new KithError('budget-exhausted', 'its asks take too much room on disk', { ...full })
      }
      return () => {
        cells.set(peer.id, rate.cell)
        bytes.add(asker, more)
      }
    },
    run: async ({ peer, body, answer }) => {
      const handle = await answerer.submit(askerOf(peer), body)
      const accepted = answer.event(0, { kind: 'accepted', position: handle.position })
      if (accepted !== undefined) await accepted
      return await send(handle, 0, answer)
    },
  }
  return defineVerb(verb)
}

/** `ask.attach`: the events of an ask after a number, and its final. */
export function attachVerb({ answerer }: AskVerbComponents): AnyVerb {
  return defineVerb({
    name: 'ask.attach',
    body: attachCall,
    run: async ({ peer, body, answer }) =>
      await send(answerer.attach(peer.id, body.ask), body.after, answer),
  })
}

/** `ask.cancel`: ends an ask; the end tells how it stands then. */
export function cancelVerb({ answerer }: AskVerbComponents): AnyVerb {
  return defineVerb({
    name: 'ask.cancel',
    body: cancelCall,
    run: async ({ peer, body }) =>
      await summary(answerer, await answerer.cancel(peer.id, body.ask)),
  })
}

/** `ask.get`: how an ask stands. */
export function getVerb({ answerer }: AskVerbComponents): AnyVerb {
  return defineVerb({
    name: 'ask.get',
    body: getCall,
    run: async ({ peer, body }) =>
      await summary(answerer, answerer.attach(peer.id, body.ask).record),
  })
}

/** Whom the answerer serves when this peer asks. */
export function askerOf({ id, pin }: Pick<KnownPeer, 'id' | 'pin'>): AskerInfo {
  return { name: pin.name, id, grant: pin.ask }
}

/** An ask that came through us would go round for ever; one that its sender did not join came from elsewhere. */
function assertChain(chain: readonly string[], sender: string, ownId: string): void {
  if (chain.at(-1) !== sender) {
    throw new KithError('bad-request', 'the chain does not end with its sender', { what: 'chain' })
  }
  const nodes = [...chain, ownId]
  const twice = nodes.find((node, place) => nodes.indexOf(node) !== place)
  if (twice !== undefined) {
    throw new KithError('cycle', 'the ask has come through one node twice', { node: twice })
  }
}

async function send(handle: AskHandle, after: number, answer: Answer): Promise<AskEnd> {
  const events = handle.read(after, answer.signal)
  for (;;) {
    const { done, value } = await events.next()
    if (done !== true) {
      // The peer sets the pace: what it has not taken waits in the journal, not in memory.
      const drained = answer.event(value.seq, value.body)
      if (drained !== undefined) await drained
    } else if (value.outcome === 'done') {
      return value.end
    } else {
      throw new WireFailure(value.code as WireCode, value.details)
    }
  }
}

async function summary(
  answerer: Pick<Answerer, 'lastSeq'>,
  record: AskRecord,
): Promise<{ ask: string; state: AskRecord['state']; lastSeq: number }> {
  return { ask: record.ask, state: record.state, lastSeq: await answerer.lastSeq(record) }
}
