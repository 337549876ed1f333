import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { Feed } from '../../../src/node/asks/feed.ts'
import type { AskEvent } from '../../../src/node/asks/feed.ts'
import { failed } from '../../../src/node/asks/run-engine.ts'
import type { AskFinal } from '../../../src/protocol/verbs.ts'
import { settle } from '../../helpers/memory-channel.ts'

const FINAL = failed('cancelled')

function textOf(seq: number): AskEvent {
  return { seq, body: { kind: 'text', text: `piece ${seq}` } }
}

function seqs(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at)
}

/** What a reader gets, one item for each event, then the final. */
async function readAll(
  reader: AsyncGenerator<AskEvent, AskFinal>,
  pace?: () => Promise<void>,
): Promise<(number | AskFinal)[]> {
  const got: (number | AskFinal)[] = []
  for (;;) {
    const { done, value } = await reader.next()
    if (done === true) return [...got, value]
    got.push(value.seq)
    await pace?.()
  }
}

describe('feed', () => {
  it('gives what was there, what comes, and the final', async () => {
    const feed = new Feed([textOf(1)])
    feed.push(textOf(2))
    const reading = readAll(feed.read(0))
    await settle()
    feed.push(textOf(3))
    feed.end(FINAL)
    assert.deepEqual(await reading, [1, 2, 3, FINAL])
    assert.equal(feed.lastSeq, 3)
    assert.equal(feed.final, FINAL)
  })

  it('gives each event when it comes, not when the next one does', async () => {
    const feed = new Feed()
    const reader = feed.read(0)
    for (const seq of seqs(1, 3)) {
      const next = reader.next()
      await settle(2)
      feed.push(textOf(seq))
      assert.deepEqual(await next, { done: false, value: textOf(seq) })
    }
  })

  it('has no last number and no final at first', () => {
    const feed = new Feed()
    assert.equal(feed.lastSeq, 0)
    assert.equal(feed.final, undefined)
  })

  it('gives the same to whoever comes after the end', async () => {
    const feed = new Feed([textOf(1), textOf(2)])
    feed.end(FINAL)
    assert.deepEqual(await readAll(feed.read(0)), [1, 2, FINAL])
    assert.deepEqual(await readAll(feed.read(1)), [2, FINAL])
    assert.deepEqual(await readAll(feed.read(2)), [FINAL])
  })

  it('gives nothing twice to one that has more than there is yet', async () => {
    const feed = new Feed([textOf(1)])
    const reading = readAll(feed.read(3))
    for (const seq of seqs(2, 5)) feed.push(textOf(seq))
    feed.end(FINAL)
    assert.deepEqual(await reading, [4, 5, FINAL])
  })

  it('ends a read with the reason of its signal, and no other read', async () => {
    const feed = new Feed([textOf(1)])
    const stop = new AbortController()
    const ended = readAll(feed.read(0, stop.signal))
    const other = readAll(feed.read(0))
    await settle()
    stop.abort(new Error('enough'))
    await assert.rejects(ended, { message: 'enough' })
    feed.end(FINAL)
    assert.deepEqual(await other, [1, FINAL])
    await assert.rejects(readAll(feed.read(0, stop.signal)), { message: 'enough' })
  })

  it('leaves nothing on the signal of a read that waited often', async () => {
    const feed = new Feed()
    const { signal } = new AbortController()
    const reading = readAll(feed.read(0, signal))
    for (const seq of seqs(1, 20)) {
      await settle(2)
      assert.equal(getEventListeners(signal, 'abort').length, 1)
      feed.push(textOf(seq))
    }
    feed.end(FINAL)
    await reading
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('ends every read with what broke it, if something did', async () => {
    const feed = new Feed([textOf(1)])
    const reader = feed.read(0)
    assert.equal((await reader.next()).done, false)
    const next = reader.next()
    feed.fail(new Error('the disk is full'))
    await assert.rejects(next, { message: 'the disk is full' })
    await assert.rejects(readAll(feed.read(0)), { message: 'the disk is full' })
  })

  it('shows every event once and the final to each of any number of readers, at any pace', async () => {
    const reader = fc.record({
      after: fc.nat({ max: 30 }),
      joinsAt: fc.nat({ max: 30 }),
      paces: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(reader, { maxLength: 8 }),
        fc.nat({ max: 25 }),
        fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 4 }),
        async (readers, events, pauses) => {
          const feed = new Feed()
          const results: Promise<void>[] = []
          const join = (at: number): void => {
            for (const { after, joinsAt, paces } of readers) {
              if (joinsAt !== at) continue
              let step = 0
              const pace = (): Promise<void> => settle(paces[step++ % paces.length] ?? 0)
              const expected = [...seqs(after + 1, events), FINAL]
              results.push(
                readAll(feed.read(after), pace).then((got) => {
                  assert.deepEqual(got, expected)
                }),
              )
            }
          }
          for (const seq of seqs(1, events)) {
            join(seq - 1)
            feed.push(textOf(seq))
            await settle(pauses[seq % pauses.length] ?? 0)
          }
          feed.end(FINAL)
          for (const at of seqs(events, 30)) join(at)
          await Promise.all(results)
        },
      ),
      { numRuns: 150 },
    )
  })
})
