import type { AskHandle } from '../../asks/handle.ts'
import type { KithNode } from '../../node.ts'
import type { ASK_ROUTES, AskReport, AskStreamItem } from '../routes/asks.ts'
import type { HandlersOf } from '../routes/route.ts'

export function askHandlers(node: KithNode): HandlersOf<typeof ASK_ROUTES> {
  return {
    ask: async (request) => await report(node, await node.desk.ask(request)),
    asks: async ({ limit }) => {
      const records = await node.desk.list(limit)
      return await Promise.all(records.map((record) => report(node, { record })))
    },
    showAsk: async ({ ask }) => {
      const handle = await node.desk.find(ask)
      const { answer, chain, text } = await node.desk.content(handle)
      return { ...(await report(node, handle)), text, chain, answer }
    },
    cancelAsk: async ({ ask }) => {
      const handle = await node.desk.cancel(ask)
      const what = 'an ask was cancelled'
      node.audit.record({ kind: 'cancel', who: 'owner', what, details: { ask } })
      return await report(node, handle)
    },
    askEvents: async ({ after = 0, ask }, signal) =>
      items((await node.desk.find(ask)).read(after, signal)),
  }
}

async function report(node: KithNode, handle: Pick<AskHandle, 'record'>): Promise<AskReport> {
  const { ask, deadlineAt, direction, final, finalAt, receivedAt, state } = handle.record
  return {
    ask,
    direction,
    peer: node.desk.nameOf(handle.record),
    state,
    receivedAt,
    deadlineAt,
    ...(finalAt === undefined ? {} : { finalAt }),
    ...(final === undefined ? {} : { final }),
    lastSeq: await node.desk.lastSeq(handle.record),
  }
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
