import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { isFinal } from '../../src/protocol/ask.ts'
import { ASK_STATES } from '../../src/protocol/verbs.ts'
import type { AskFinal } from '../../src/protocol/verbs.ts'
import { systemClock } from '../../src/node/clock.ts'
import { AskStore } from '../../src/node/asks/ask-store.ts'
import type { AskRecord } from '../../src/node/asks/ask-store.ts'
import { Database } from '../../src/store/database.ts'
import { Journal } from '../../src/store/journal.ts'
import type { LiveNode } from '../helpers/live-node.ts'

/** An entry of a node's journal of asks. */
const stepSchema = z.strictObject({
  direction: z.enum(['in', 'out']),
  peer: z.string(),
  ask: z.string(),
  step: z.enum([...ASK_STATES, 'event', 'cancel']),
  digest: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
})

/** What the asker sent, and what it was told of it. */
export interface SentAsk {
  ask: string
  text: string
  /** The whole answer to it. */
  answer: string
  /** True once the asker's node has said that it has it. */
  acknowledged: boolean
  /** The final that was seen first. */
  final?: AskFinal
}

/** What a node's store holds of its asks after it has stopped. */
export interface StoredAsks {
  records: Map<string, AskRecord>
  /** Steps of each ask in the journal, in their order. */
  steps: Map<string, z.infer<typeof stepSchema>['step'][]>
  answers: Map<string, string>
}

/** Reads the store of a node that does not run. Throws if its journal is not whole. */
export async function readAsks(node: LiveNode): Promise<StoredAsks> {
  const database = await Database.open(node.home.store)
  try {
    const store = await AskStore.open(database, systemClock)
    const verdict = await store.verify()
    assert.ok(verdict.intact, `the journal of ${node.name}: ${JSON.stringify(verdict)}`)
    const records = new Map<string, AskRecord>()
    const answers = new Map<string, string>()
    for (const record of await store.list(Number.MAX_SAFE_INTEGER)) {
      records.set(record.ask, record)
      answers.set(record.ask, await answerIn(store, record))
    }
    const steps: StoredAsks['steps'] = new Map()
    const journal = await Journal.open(database, 'ask-journal', stepSchema)
    for await (const { body } of journal.read()) {
      steps.set(body.ask, [...(steps.get(body.ask) ?? []), body.step])
    }
    return { records, steps, answers }
  } finally {
    await database.close()
  }
}

async function answerIn(store: AskStore, record: AskRecord): Promise<string> {
  const pieces = await Array.fromAsync(store.events(record), ({ body }) =>
    body.kind === 'text' ? body.text : '',
  )
  return pieces.join('')
}

/** Throws at the first promise that was not kept. */
export async function assertKept(
  sent: SentAsk[],
  asker: LiveNode,
  answerer: LiveNode,
): Promise<void> {
  const [asked, answered] = [await readAsks(asker), await readAsks(answerer)]
  const memory = await readFile(answerer.home.memory, 'utf8').catch(() => '')
  for (const one of sent) {
    const { ask, final, text } = one
    const what = `${ask} (${text.slice(0, 20)})`
    const record = asked.records.get(ask)
    if (record === undefined) {
      assert.ok(!one.acknowledged, `${what} was acknowledged and is lost`)
      continue
    }
    assert.ok(record.final !== undefined, `${what} has no final`)
    assert.equal(finalsIn(asked, ask), 1, `${what} has so many finals at the asker`)
    if (final !== undefined) assert.deepEqual(record.final, final, `${what} has another final now`)

    const executions = (answered.steps.get(ask) ?? []).filter((step) => step === 'claimed').length
    assert.ok(executions <= 1, `${what} was claimed ${executions} times`)
    assert.ok(finalsIn(answered, ask) <= 1, `${what} has so many finals at the answerer`)
    const notes = memory.split(`${ask}\n`).length - 1
    assert.ok(notes <= 1, `${what} was run ${notes} times`)

    if (record.final.outcome === 'done') {
      assert.equal(executions, 1, `${what} is done and was never claimed`)
      assert.equal(asked.answers.get(ask), one.answer, `${what} has another answer`)
      if (text.startsWith('remember')) assert.equal(notes, 1, `${what} is done and not on disk`)
    }
    const theirs = answered.records.get(ask)?.final
    if (theirs !== undefined && record.final.outcome === 'done') {
      assert.deepEqual(record.final, theirs, `${what} has two different finals`)
    }
  }
}

function finalsIn({ steps }: StoredAsks, ask: string): number {
  const last = (steps.get(ask) ?? []).filter(
    (step) => step !== 'event' && step !== 'cancel' && isFinal(step),
  )
  return last.length
}
