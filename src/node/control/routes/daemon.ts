import { z } from 'zod'
import { partState } from './parts.ts'
import { at, nothing, route } from './route.ts'

export const profileReport = z.strictObject({
  name: z.string(),
  home: z.string(),
  ...partState.omit({ part: true }).shape,
  /** While it is open. */
  id: z.exactOptional(z.string()),
  listening: z.exactOptional(z.array(z.string())),
})

export const daemonReport = z.strictObject({
  pid: z.int(),
  /** Known to the daemon and to who can read its home. */
  token: z.string(),
  startedAt: at,
  software: z.string(),
  /** Of what runs, and of what stands on the disk now. */
  build: z.exactOptional(z.string()),
  buildOnDisk: z.exactOptional(z.string()),
  supervisor: z.enum(['none', 'systemd', 'systemd-user', 'launchd']),
  /** What the supervisor calls it. */
  unit: z.exactOptional(z.string()),
  /** When each profile had run or failed, in ms after the start; absent until then. */
  readyAfterMs: z.exactOptional(z.number()),
  profiles: z.array(profileReport),
})

/** What the daemon's own socket answers, and that of each node that it serves. */
export const DAEMON_ROUTES = {
  daemon: route('GET', '/v1/daemon', nothing, daemonReport),
  /** Starts profiles that are new or were stopped, and ends those that are gone. */
  reloadDaemon: route('POST', '/v1/daemon/reload', nothing, daemonReport),
  /** Answers when the stop has begun. */
  stopDaemon: route('POST', '/v1/daemon/stop', nothing, nothing),
}

export type DaemonReport = z.infer<typeof daemonReport>
export type ProfileReport = z.infer<typeof profileReport>

/** How a start came out. */
export interface StartReport {
  pid: number
  /** Every profile runs. */
  ready: boolean
  readyAfterMs: number | null
  /** Why it is not ready. */
  reason: string | null
  daemon?: DaemonReport
}

/** A profile as it is on disk, and whether it runs. */
export interface ProfileDescription {
  name: string
  home: string
  /** What its node is called, where its config says so. */
  node?: string
  id?: string
  listen: string[]
  running: boolean
  /** Why the daemon could not start it, which it tries again. */
  failure?: string
  /** Why it cannot be read. */
  problem?: string
}
