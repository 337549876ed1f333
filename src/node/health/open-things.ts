import type { Look } from './look.ts'
import { notReady, ready } from './look.ts'

/** Open things of one kind, and how many there may be before something is not given back. */
export interface OpenThings {
  open: number
  limit: number
}

/**
 * How many things of each kind this process holds open, of its own and of the system's. A timer, a socket or a file that
 * is never given back shows here before the system refuses the next one.
 */
const LIMITS: Readonly<Record<string, { kinds: readonly string[]; limit: number }>> = {
  timers: { kinds: ['Timeout', 'Immediate'], limit: 2_000 },
  sockets: { kinds: ['TCPSocketWrap', 'PipeWrap', 'TCPServerWrap'], limit: 2_000 },
  programs: { kinds: ['ProcessWrap'], limit: 100 },
  files: { kinds: ['FSReqPromise', 'FSReqCallback', 'FSEventWrap', 'StatWatcher'], limit: 1_000 },
  threads: { kinds: ['MessagePort', 'Worker'], limit: 100 },
}

/** What is open in this process, by its kind. */
export function openThings(): Record<string, OpenThings> {
  const active = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    active.set(kind, (active.get(kind) ?? 0) + 1)
  }
  return Object.fromEntries(
    Object.entries(LIMITS).map(([name, { kinds, limit }]) => [
      name,
      { open: kinds.reduce((sum, kind) => sum + (active.get(kind) ?? 0), 0), limit },
    ]),
  )
}

/** Whether anything is open more often than it should ever be. */
export function resourcesLook(): Look {
  const over = Object.entries(openThings()).filter(([, { limit, open }]) => open > limit)
  if (over.length === 0) return ready('resources')
  const text = over.map(([name, { limit, open }]) => `${open} ${name}, of ${limit}`).join('; ')
  return notReady('resources', `too many are open: ${text}`)
}
