import assert from 'node:assert/strict'
import { openThings } from '../../src/node/health/open-things.ts'
import type { KithNode } from '../../src/node/node.ts'
import { eventually } from '../helpers/eventually.ts'
import { keyLogOf } from '../helpers/key-logs.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { openNodes } from '../helpers/open-node.ts'

const CYCLES = 1_000
const AT_ONCE = 10

describe('what a whole node leaves behind', () => {
  const nodes = openNodes()
  let clock: ManualClock
  let node: KithNode
  let warnings: Error[]
  const warn = (warning: Error): void => {
    warnings.push(warning)
  }

  beforeEach(async () => {
    clock = new ManualClock()
    warnings = []
    process.on('warning', warn)
    const { id } = await keyLogOf('dark')
    await nodes().make('node')
    await nodes().pin({ name: 'dark', id, addresses: [] })
    node = await nodes().open('node', { around: (same) => ({ ...same, clock }) })
    await node.start()
  })
  afterEach(() => {
    process.off('warning', warn)
  })

  /** Timers of ours, listeners of this process, asks under way, and what the system holds open for us. */
  function counts(): Record<string, number> {
    const listeners = process.eventNames().map((name) => process.listenerCount(name))
    const open = Object.entries(openThings()).map(([kind, things]) => [kind, things.open] as const)
    return {
      timersOfOurs: clock.timers,
      listeners: listeners.reduce((sum, count) => sum + count, 0),
      running: node.answerer.counts.running,
      queued: node.answerer.counts.queued,
      pending: node.asker.pending,
      ...Object.fromEntries(open),
    }
  }

  /** One ask to this node that is under way, or waits, and one to a peer that is away: both cancelled. */
  async function cycle(): Promise<void> {
    const own = await node.desk.ask({ peer: 'self', text: 'count 1000' })
    const dark = await node.desk.ask({ peer: 'dark', text: 'count 1000', wait: true })
    for (const { record } of [own, dark]) await node.desk.cancel(record.ask)
  }

  it('F66: is nothing after a thousand asks were cancelled: timers, listeners, asks and handles', async () => {
    for (let n = 0; n < 20; n++) await cycle()
    const before = counts()
    for (let n = 0; n < CYCLES; n += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => cycle()))
    }
    await eventually(() => {
      const after = counts()
      for (const own of ['timersOfOurs', 'listeners', 'running', 'queued', 'pending']) {
        assert.equal(after[own], before[own], own)
      }
      for (const [kind, open] of Object.entries(after)) {
        assert.ok(open <= (before[kind] ?? 0) + 3, `${kind}: ${before[kind] ?? 0}, then ${open}`)
      }
    })
    assert.deepEqual(warnings, [], 'nobody has too many listeners')
    await nodes().stop(node)
    assert.equal(clock.timers, 0)
  }).timeout(60_000)
})
