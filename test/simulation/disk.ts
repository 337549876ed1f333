import { MemoryLevel } from 'memory-level'
import type { Store } from '../../src/store/database.ts'
import type { Random } from '../fuzz/random.ts'
import type { Scheduler } from './scheduler.ts'

/** A row that a batch changes; without a value, it is removed. */
interface Change {
  key: string
  value: Uint8Array | undefined
}

interface Batch {
  changes: Change[]
  sync: boolean
}

/** How long the disk takes, in ms: to hand rows to the kernel, and to have them safe. */
const WRITE_MS = 2
const SYNC_MS = 12

export interface DiskComponents {
  scheduler: Scheduler
  random: Random
}

/**
 * A node's disk. Each batch takes its time. What a process wrote outlives it; what it did not sync may be gone after
 * a power cut, the newest first, as LevelDB's log promises.
 */
export class Disk {
  /** Says that a sync is done when it is not, as some disks do. */
  lies = false
  readonly #components: DiskComponents
  readonly #rows = new Map<string, Uint8Array>()
  #unsynced: Batch[] = []
  #underWay: { batch: Batch; cancel: () => void } | undefined
  /** Counts the runs that had it: only the last one writes. */
  #runs = 0

  constructor(components: DiskComponents) {
    this.#components = components
  }

  /** What is on it, for one run of a process: after a crash, that one writes nothing any more. */
  async mount(): Promise<Store> {
    const run = ++this.#runs
    const level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    await level.open()
    const rows = new Map(this.#rows)
    for (const batch of this.#unsynced) apply(batch, rows)
    await level.batch([...rows].map(([key, value]) => ({ type: 'put', key, value })))
    // One level is used as the other.
    const store = level as unknown as Store
    return {
      batch: async (operations, options) => {
        // Whatever a dead process still wants.
        if (run !== this.#runs) await new Promise<never>(() => undefined)
        const changes = operations.map((operation) => ({
          key: operation.sublevel.prefixKey(operation.key, 'utf8'),
          value: operation.type === 'put' ? operation.value.slice() : undefined,
        }))
        await this.#write({ changes, sync: options.sync })
        await store.batch(operations, options)
      },
      close: () => level.close(),
      snapshot: () => store.snapshot(),
      sublevel: store.sublevel.bind(store),
    }
  }

  /** The end of the process, or of the whole machine. */
  crash(powerCut: boolean): void {
    const { random } = this.#components
    this.#runs++
    const underWay = this.#underWay
    underWay?.cancel()
    this.#underWay = undefined
    // Written or not, but never half.
    if (underWay !== undefined && random.below(2) === 0) this.#unsynced.push(underWay.batch)
    if (!powerCut) return
    const kept = this.#unsynced.slice(0, random.below(this.#unsynced.length + 1))
    for (const batch of kept) apply(batch, this.#rows)
    this.#unsynced = []
  }

  #write(batch: Batch): Promise<void> {
    const { random, scheduler } = this.#components
    return new Promise((resolve) => {
      const ms = 1 + random.below(batch.sync ? SYNC_MS : WRITE_MS)
      const cancel = scheduler.after(ms, () => {
        this.#underWay = undefined
        this.#unsynced.push(batch)
        if (batch.sync && !this.lies) this.#sync()
        resolve()
      })
      this.#underWay = { batch, cancel }
    })
  }

  #sync(): void {
    for (const batch of this.#unsynced) apply(batch, this.#rows)
    this.#unsynced = []
  }
}

function apply({ changes }: Batch, rows: Map<string, Uint8Array>): void {
  for (const { key, value } of changes) {
    if (value === undefined) rows.delete(key)
    else rows.set(key, value)
  }
}
