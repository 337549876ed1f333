import assert from 'node:assert/strict'
import { z } from 'zod'
import { AskStore } from '../../../src/node/asks/ask-store.ts'
import { isFinal } from '../../../src/protocol/ask.ts'
import { ASK_STATES } from '../../../src/protocol/verbs.ts'
import type { Database } from '../../../src/store/database.ts'
import { Journal } from '../../../src/store/journal.ts'
import type { Invariant } from '../invariant.ts'
import type { SentAsk } from '../ledger.ts'
import { answerTo } from '../sim-engine.ts'
import type { SimNode } from '../sim-node.ts'

const stepSchema = z.object({
  direction: z.enum(['in', 'out']),
  peer: z.string(),
  ask: z.string(),
  step: z.enum([...ASK_STATES, 'event', 'cancel']),
})

/** What a node has on its disk of its asks. */
interface StoredAsks {
  store: AskStore
  /** Steps in the journal, by direction, peer and ask. */
  steps: Map<string, z.infer<typeof stepSchema>['step'][]>
}

export const ASK_INVARIANTS: readonly Invariant[] = [
  {
    title: 'every ask that its node took has one final, which says what was done',
    atRest: async ({ ledger, nodes }) => {
      const stored = new Map<SimNode, StoredAsks>()
      for (const node of nodes) stored.set(node, await asksOf(node))
      for (const sent of ledger.sent) await assertEnded(sent, ledger.runsOf(sent), stored)
    },
  },
  {
    title: 'a node that answered an ask claimed it once, and gave it one final',
    atRest: async ({ nodes }) => {
      for (const node of nodes) {
        const { steps } = await asksOf(node)
        for (const [key, all] of steps) {
          const finals = all.filter(
            (step) => step !== 'event' && step !== 'cancel' && isFinal(step),
          )
          assert.ok(finals.length <= 1, `${node.name}: ${key} has finals ${finals.join()}`)
          const claims = all.filter((step) => step === 'claimed')
          assert.ok(claims.length <= 1, `${node.name}: ${key} was claimed ${claims.length} times`)
        }
      }
    },
  },
  {
    title: 'the journal of every node is whole',
    atRest: async ({ nodes }) => {
      for (const node of nodes) {
        const { store } = await asksOf(node)
        const verdict = await store.verify()
        assert.ok(verdict.intact, `the journal of ${node.name}: ${JSON.stringify(verdict)}`)
      }
    },
  },
]

async function assertEnded(
  sent: SentAsk,
  runs: number,
  stored: ReadonlyMap<SimNode, StoredAsks>,
): Promise<void> {
  const { asker, id, script, to } = sent
  const direction = asker === to ? 'in' : 'out'
  const { store, steps } = stored.get(asker) ?? raise(asker)
  const record = store.get(direction, to.id, id)
  const what = `${id} of ${asker.name} to ${to.name}`
  // A clock that jumped may have made it old enough to be forgotten, with its steps.
  if (record === undefined) {
    assert.ok(!sent.acknowledged || sent.final !== undefined, `${what} is lost`)
    return
  }
  assert.ok(record.final !== undefined, `${what} has no final`)
  if (sent.final !== undefined) assert.deepEqual(record.final, sent.final, `${what} has another`)
  assert.ok((steps.get(`${direction} ${to.id} ${id}`)?.length ?? 1) > 0)
  if (record.final.outcome === 'failed') {
    assert.notEqual(record.final.code, 'rotated', `${what} was ended by a rotation`)
    return
  }
  assert.equal(runs, 1, `${what} is done and ran ${runs} times`)
  const pieces = await Array.fromAsync(store.events(record), ({ body }) =>
    body.kind === 'text' ? body.text : '',
  )
  assert.equal(pieces.join(''), answerTo(id, script), `${what} has another answer`)
}

async function asksOf(node: SimNode): Promise<StoredAsks> {
  const database = node.database ?? raise(node)
  const clock = node.node?.clock ?? raise(node)
  return { store: await AskStore.open(database, clock), steps: await stepsIn(database) }
}

async function stepsIn(database: Database): Promise<StoredAsks['steps']> {
  const steps: StoredAsks['steps'] = new Map()
  const journal = await Journal.open(database, 'ask-journal', stepSchema)
  for await (const { body } of journal.read()) {
    const { ask, direction, peer, step } = body
    const key = `${direction} ${peer} ${ask}`
    steps.set(key, [...(steps.get(key) ?? []), step])
  }
  return steps
}

function raise(node: SimNode): never {
  throw new TypeError(`${node.name} is not up`)
}
