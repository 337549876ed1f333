import type { Finding } from '../checks/finding.ts'
import type { PartState } from '../parts.ts'
import type { Component } from './health-report.ts'

/** What one look at a component finds. Its `since` is of its own where it knows it. */
export type Look = Omit<Component, 'since' | 'required'> & { since?: number }

/** What the watch has seen of a node over time, beside what the node tells at any moment. */
export interface Seen {
  /** Since when a write waits for the disk, and when one was last done. */
  writes: { waitingSince: number | undefined; doneAt: number | undefined }
  /** When a peer was last linked with us, or since when we wait for the first one. */
  peers: { at: number; ever: boolean }
  /** What the check of the feeds has found when it last looked. */
  feeds: readonly Finding[] | undefined
}

type Times = Pick<Look, 'since' | 'lastOkAt'>

export function ready(name: string, times: Times & { reason?: string } = {}): Look {
  return { name, state: 'ready', ...times }
}

export function notReady(name: string, reason: string, times: Times = {}): Look {
  return { name, state: 'not-ready', reason, ...times }
}

export function broken(name: string, reason: string, times: Times = {}): Look {
  return { name, state: 'error', reason, ...times }
}

export function disabled(name: string, reason: string): Look {
  return { name, state: 'disabled', reason }
}

export function notChecked(name: string, reason: string): Look {
  return { name, state: 'not-checked', reason }
}

/** `lastOkAt`, where there is one. */
export function okAt(lastOkAt: number | undefined): Times {
  return lastOkAt === undefined ? {} : { lastOkAt }
}

/** What keeps a part from working, as a look at component `name`; undefined while it runs. */
export function partLook(
  name: string,
  parts: { states: () => PartState[] },
  partName = name,
): Look | undefined {
  const part = parts.states().find((state) => state.part === partName)
  if (part === undefined || part.state === 'running') return undefined
  const { failure, since, state } = part
  if (state === 'failed') return broken(name, failure ?? 'it has failed', { since })
  return notReady(name, state === 'starting' ? 'it is starting' : 'it does not run', { since })
}
