import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { GrowthDays } from './growth-day.ts'
import { BASE_LOAD, capsOf, folderCapsOf, logCapOf, times } from './growth-load.ts'
import { GrowthNode } from './growth-node.ts'
import type { Kept } from './growth-node.ts'

/** What was seen at the end of a day. */
export interface DayReport {
  day: number
  rows: number
  rowsMib: number
  logsMib: number
  /** Of the folder of the store, as it was left and compacted, on days on which the node was stopped. */
  storeMib?: number
  compactedMib?: number
  /** Classes that have more than half of what they may, with how full they are, in percent. */
  full: Record<string, number>
}

export interface GrowthInit {
  folder: string
  days: number
  factor: number
  /** The node is started anew after so many days. */
  restartDays: number
  onDay?: (report: DayReport) => void
}

/** Lives `days` on a node at so many times the load, and checks what it keeps at the end of each. @throws {AssertionError} */
export async function grow({
  days,
  factor,
  folder,
  onDay,
  restartDays,
}: GrowthInit): Promise<void> {
  const load = times(BASE_LOAD, factor)
  const home = new GrowthNode(folder)
  await home.make(load.peers)
  await home.start()
  const life = new GrowthDays(home, load)
  try {
    await life.leaveBehind()
    for (let day = 1; day <= days; day++) {
      await life.live()
      const kept = await home.kept()
      const full = checkCaps(kept, capsOf(load, day))
      await checkLeft(home, life, day)
      const isStopped = day % restartDays === 0 || day === days
      const store = isStopped ? await checkStore(home) : undefined
      onDay?.(reportOf(day, kept, store, full))
      if (isStopped && day < days) await home.start()
    }
  } finally {
    await home.stop()
  }
}

/** Stops the node, and gives what its store has. @throws {AssertionError} for a timer that is left, or too much */
async function checkStore(home: GrowthNode): Promise<{ left: number; compacted: number }> {
  assert.equal(await home.stop(), 0, 'timers are left behind')
  const { compacted, left, live } = await home.storeBytes()
  const most = folderCapsOf(live)
  assert.ok(left <= most.left, `the store has ${left} bytes, of ${most.left}`)
  assert.ok(compacted <= most.compacted, `compacted, ${compacted} of ${most.compacted}`)
  return { compacted, left }
}

/** Classes that are more than half full, in percent. @throws {AssertionError} for one that is over its cap */
function checkCaps({ logs, rows }: Kept, caps: ReturnType<typeof capsOf>): Record<string, number> {
  const full: Record<string, number> = {}
  for (const [name, seen] of rows) {
    const cap = caps[name]
    assert.ok(cap !== undefined, `${name} has no cap`)
    const ratio = Math.max(seen.rows / Math.max(1, cap.rows), seen.bytes / Math.max(1, cap.bytes))
    if (ratio > 0.5) full[name] = Math.round(100 * ratio)
    assert.ok(seen.rows <= cap.rows, `${name} has ${seen.rows} rows, of ${cap.rows}`)
    assert.ok(seen.bytes <= cap.bytes, `${name} has ${seen.bytes} bytes, of ${cap.bytes}`)
  }
  for (const [name, bytes] of logs) {
    assert.ok(bytes <= logCapOf(name), `${name} has ${bytes} bytes, of ${logCapOf(name)}`)
  }
  return full
}

/** What was left behind is there still, or has ended with a recorded cause. @throws {AssertionError} */
async function checkLeft(home: GrowthNode, { left }: GrowthDays, day: number): Promise<void> {
  const { agent, alerts, desk, jobs } = home.node
  const alert = alerts.list().find(({ id }) => id === left.alert)
  assert.equal(alert?.what, 'seen by nobody')
  assert.equal(alert.seenAt, undefined)

  const queue = await jobs.feeds.open('inbox')
  const item = queue.items.find((one) => one.item === left.item)
  assert.equal(item?.state, 'quarantined')
  assert.equal(item.failure?.code, 'internal')
  assert.ok((await queue.content(item)).byteLength > 0)

  assert.equal((await jobs.results.artifacts.get(left.report))?.review, 'unreviewed')
  assert.ok((await jobs.results.artifacts.made(left.report)) !== undefined)
  const [letter] = await jobs.results.deliveries.ofRun(left.letter)
  assert.equal(letter?.state, 'held')
  assert.ok((await jobs.results.artifacts.made(left.letter)) !== undefined)

  const [hook] = await jobs.results.deliveries.ofRun(left.hook)
  assert.ok(hook !== undefined)
  // Its tries, with the waits between them, take about a day.
  if (day > 2) assert.equal(hook.state, 'dead')
  else assert.ok(hook.state === 'waiting' || hook.state === 'dead', hook.state)

  const log = await logText(join(home.folder, 'node', 'logs'), 'approval.log')
  const closed = log.split('\n').find((line) => line.includes(left.approval))
  assert.match(closed ?? '', /"verdict":"expired"/)
  if (day === 1) {
    assert.equal(agent.approvals.get(left.approval).state, 'expired')
    // Both have ended within the day, and an answer is kept for a day.
    const dark = (await desk.find(left.darkAsk)).record.final
    assert.equal(dark?.outcome === 'failed' ? dark.code : '', 'deadline')
    assert.equal((await desk.find(left.approvalAsk)).record.final?.outcome, 'done')
  }
}

async function logText(folder: string, name: string): Promise<string> {
  const files = (await readdir(folder)).filter((file) => file.startsWith(name))
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  return texts.join('')
}

function reportOf(
  day: number,
  { logs, rows }: Kept,
  store: { left: number; compacted: number } | undefined,
  full: Record<string, number>,
): DayReport {
  const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0)
  return {
    day,
    rows: sum([...rows.values()].map((seen) => seen.rows)),
    rowsMib: mib(sum([...rows.values()].map((seen) => seen.bytes))),
    logsMib: mib(sum(logs.values())),
    ...(store === undefined
      ? {}
      : { storeMib: mib(store.left), compactedMib: mib(store.compacted) }),
    full,
  }
}

function mib(bytes: number): number {
  return Math.round(bytes / 104_857.6) / 10
}
