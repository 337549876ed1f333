import { overallOf } from './overall.ts'
import type { Component, ComponentState, Health } from './health-report.ts'
import { backupLook, controlLook, httpLook, identityLook, storeLook } from './core-components.ts'
import type { CoreWatched } from './core-components.ts'
import type { Look, Seen } from './look.ts'
import { broken } from './look.ts'
import { listenerLook, peersLook, pinsLook } from './mesh-components.ts'
import type { MeshWatched } from './mesh-components.ts'
import { Totals } from './totals.ts'
import type { TotalsComponents } from './totals.ts'
import { resourcesLook } from './open-things.ts'
import {
  agentLook,
  breakersLook,
  feedsLook,
  providerLooks,
  schedulerLook,
} from './work-components.ts'
import type { WorkWatched } from './work-components.ts'
import { feedFindings } from '../checks/feed-check.ts'
import type { FeedChecked } from '../checks/feed-check.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'

/** How often it looks by itself: what began between two looks is known no closer. */
export const LOOK_MS = 10_000

/** What is watched: a `KithNode` is one. */
export type Watched = Omit<CoreWatched & MeshWatched & WorkWatched, 'clock' | 'config'> & {
  readonly clock: Pick<Clock, 'every' | 'now'>
  readonly config: Pick<Config, 'agent' | 'listen' | 'scheduler'>
  readonly jobs: FeedChecked['jobs'] & { readonly scheduler: TotalsComponents['scheduler'] }
  /** Writes that the store was asked for, and those that it has done. */
  readonly storeWrites: { begun: number; done: number }
}

/** Without these a node does no work at all. */
const REQUIRED: ReadonlySet<string> = new Set(['identity', 'store', 'control'])

const LOOKS: readonly ((node: Watched, seen: Seen) => Look | Look[])[] = [
  ...[identityLook, storeLook, controlLook],
  ...[pinsLook, listenerLook, peersLook],
  ...[agentLook, providerLooks, breakersLook],
  ...[schedulerLook, feedsLook, backupLook, httpLook, resourcesLook],
]

/** How each part of a node does: what it last did well counts, and not that it is there. */
export class HealthWatch {
  readonly totals: Totals
  readonly #node: Watched
  readonly #since = new Map<string, { state: ComponentState; at: number }>()
  readonly #okAt = new Map<string, number>()
  readonly #seen: Seen
  #writes: { begun: number; done: number } = { begun: 0, done: 0 }
  #cancel: () => void = () => undefined

  constructor(node: Watched, store: TotalsComponents['store']) {
    this.#node = node
    this.totals = new Totals({ store, scheduler: node.jobs.scheduler })
    this.#seen = {
      writes: { waitingSince: undefined, doneAt: undefined },
      peers: { at: node.clock.now(), ever: false },
      feeds: undefined,
    }
  }

  start(): void {
    this.#seen.peers = { at: this.#node.clock.now(), ever: false }
    this.#cancel = this.#node.clock.every(LOOK_MS, () => {
      this.components()
      void this.refresh()
    })
    void this.refresh()
  }

  stop(): void {
    this.#cancel()
  }

  /** How the node stands as a whole. */
  overall(): Health {
    return overallOf(this.components())
  }

  /** Reads what only the store knows. What it cannot read is told by the store's own state. */
  async refresh(): Promise<void> {
    this.#seen.feeds = await feedFindings(this.#node).catch(() => undefined)
  }

  /** Every component as it is now, what the others need first. */
  components(): Component[] {
    const now = this.#node.clock.now()
    this.#noteWrites(now)
    this.#notePeers(now)
    return LOOKS.flatMap((look) => attempt(look, this.#node, this.#seen)).map((found) =>
      this.#noted(found, now),
    )
  }

  #noteWrites(now: number): void {
    const { begun, done } = this.#node.storeWrites
    if (done > this.#writes.done) this.#seen.writes.doneAt = now
    if (begun === done) this.#seen.writes.waitingSince = undefined
    else if (this.#seen.writes.waitingSince === undefined || done > this.#writes.done)
      this.#seen.writes.waitingSince = now
    this.#writes = { begun, done }
  }

  #notePeers(now: number): void {
    const { links, pins } = this.#node
    const linked = pins.peers().some(({ id }) => id !== undefined && links.get(id) !== undefined)
    if (linked) this.#seen.peers = { at: now, ever: true }
  }

  /** Adds since when it is so, and when it was last well. */
  #noted({ lastOkAt, since, ...look }: Look, now: number): Component {
    const { name, state } = look
    const before = this.#since.get(name)
    const at = since ?? (before?.state === state ? before.at : now)
    this.#since.set(name, { state, at })
    if (state === 'ready') this.#okAt.set(name, lastOkAt ?? now)
    const okAt = lastOkAt ?? this.#okAt.get(name)
    return {
      ...look,
      since: at,
      ...(okAt === undefined ? {} : { lastOkAt: okAt }),
      required: REQUIRED.has(name),
    }
  }
}

/** A look that breaks is a component that is broken. */
function attempt(look: (typeof LOOKS)[number], node: Watched, seen: Seen): Look[] {
  try {
    return [look(node, seen)].flat()
  } catch (err) {
    const reason = err instanceof Error ? err.message : String(err)
    return [broken(look.name.replace(/Looks?$/, ''), reason)]
  }
}
