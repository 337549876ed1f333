import { isDeepStrictEqual } from 'node:util'
import type { AskHandle } from '../../../src/node/asks/handle.ts'
import type { FailureCode } from '../../../src/protocol/errors.ts'
import { uuidV7 } from '../../../src/protocol/uuid.ts'
import { askEnd } from '../../../src/protocol/verbs.ts'
import type { Random } from '../../fuzz/random.ts'
import type { Action } from '../action.ts'
import type { SentAsk } from '../ledger.ts'
import type { Script } from '../sim-engine.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'

/** Failures that an owner may be told when he asks. */
const REFUSALS: readonly FailureCode[] = [
  'unknown-peer',
  'unreachable',
  'busy',
  'stopping',
  'retired',
]

/** Most asks that an owner makes in a row. */
const MAX_ROW = 6

/** An owner asks a peer, or his own node, once or a few times in a row. */
const ask: Action = {
  name: 'ask',
  weight: 12,
  begin(world) {
    const { ledger, random, up } = world
    if (up.length === 0) return
    const asker = random.of(up)
    const to = random.of(world.nodes)
    for (let left = 1 + random.below(random.below(2) * MAX_ROW + 1); left > 0; left--) {
      const sent: SentAsk = {
        id: uuidV7(asker.now, random.bytes(10)),
        asker,
        to,
        script: scriptBy(random),
        timeoutMs: 1_000 * (1 + random.below(random.below(4) === 0 ? 60 : 8)),
        acknowledged: false,
        final: undefined,
      }
      ledger.sent.push(sent)
      submit(sent, random.below(2) === 0)
    }
  },
}

/** The same ask once more, at a node that may have it, know its end, or have lost it. */
const askAgain: Action = {
  name: 'ask again',
  weight: 4,
  begin(world) {
    const sent = someAsk(world)
    if (sent !== undefined) submit(sent, world.random.below(2) === 0)
  },
}

/** The call of an ask comes to the answerer once more, over whatever link there is. */
const redeliver: Action = {
  name: 'redeliver',
  weight: 4,
  begin(world) {
    const sent = someAsk(world)
    const node = sent?.asker.node
    if (sent === undefined || node === undefined || sent.to === sent.asker) return
    const peer = node.pins.byId(sent.to.id)
    if (peer === undefined) return
    sent.asker.note(`sends ${sent.id} again`)
    const body = {
      ask: sent.id,
      text: JSON.stringify(sent.script),
      chain: [sent.asker.id],
      timeoutMs: sent.timeoutMs,
    }
    node.caller
      .call(peer, 'ask', body, askEnd, { deadlineMs: sent.timeoutMs })
      .catch(() => undefined)
  },
}

/** Another question under an id that is taken. */
const reuseId: Action = {
  name: 'reuse an id',
  weight: 1,
  begin(world) {
    const sent = someAsk(world)
    if (sent?.acknowledged !== true) return
    const other = { ...sent.script, pieces: sent.script.pieces + 1 }
    sent.asker.note(`asks otherwise under ${sent.id}`)
    const request = { peer: peerName(sent), text: JSON.stringify(other), ask: sent.id }
    sent.asker.owner(['conflict', ...REFUSALS], async ({ desk }) => {
      await desk.ask(request)
      throw new Error(`${sent.id} stands for two asks`)
    })
  },
}

/** Either side of an ask ends it. */
const cancel: Action = {
  name: 'cancel',
  weight: 3,
  begin(world) {
    const sent = someAsk(world)
    if (sent === undefined) return
    const by = world.random.below(4) === 0 ? sent.to : sent.asker
    by.note(`cancels ${sent.id}`)
    by.owner(['unknown-ask'], ({ desk }) => desk.cancel(sent.id))
  },
}

export const ASK_ACTIONS: readonly Action[] = [ask, askAgain, redeliver, reuseId, cancel]

function submit(sent: SentAsk, wait: boolean): void {
  const { asker, id, script, timeoutMs, to } = sent
  asker.note(`asks ${to.name} ${id} ${JSON.stringify(script)}`)
  const request = { peer: peerName(sent), text: JSON.stringify(script), timeoutMs, ask: id, wait }
  asker.owner(REFUSALS, async ({ desk }) => {
    const handle = await desk.ask(request)
    const { peer } = handle.record
    if (peer !== to.id) throw new Error(`${id} goes to ${peer} instead of ${to.name}`)
    sent.acknowledged = true
    await follow(sent, handle)
  })
}

/** Reads an answer to its end, as its owner does. @throws when it is another than he was shown before */
async function follow(sent: SentAsk, handle: AskHandle): Promise<void> {
  const events = handle.read(0)
  for (let seq = 1; ; seq++) {
    const { done, value } = await events.next()
    if (done !== true) {
      if (value.seq !== seq) throw new Error(`${sent.id}: event ${value.seq} comes as ${seq}`)
      continue
    }
    sent.asker.note(`is told the end of ${sent.id}: ${JSON.stringify(value)}`)
    if (sent.final !== undefined && !isDeepStrictEqual(sent.final, value)) {
      throw new Error(`${sent.id} has two finals: ${JSON.stringify([sent.final, value])}`)
    }
    sent.final = value
    return
  }
}

function scriptBy(random: Random): Script {
  const ends = ['done', 'done', 'done', 'done', 'done', 'refuse', 'throw', 'deaf'] as const
  return {
    pieces: random.below(6),
    everyMs: 1 + random.below(random.below(4) === 0 ? 4_000 : 100),
    end: random.of(ends),
  }
}

function someAsk({ ledger, random }: World): SentAsk | undefined {
  return ledger.sent.length === 0 ? undefined : random.of(ledger.sent.slice(-8))
}

/** What an owner calls a node: whoever came by the link of an invite is pinned under the name of who was invited. */
function peerName({ asker, to }: { asker: SimNode; to: SimNode }): string {
  return asker === to ? 'self' : (asker.node?.pins.byId(to.id)?.pin.name ?? to.id)
}
