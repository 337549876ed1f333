/** A right to run a job alone, until it expires. */
export interface Lease {
  /** Known to its holder alone. */
  token: string
  /** Counts the leases of the job: a later one fences off all before. */
  version: number
  /** In ms since the epoch; it is renewed at a third of its life. */
  expiresAt: number
  ttlMs: number
}

/** Beats in the life of a lease: two may be lost. */
const BEATS = 3

/** A new lease of `ttlMs`, with the version after `version`. `token` is fresh chance. */
export function grantLease(version: number, token: string, now: number, ttlMs: number): Lease {
  return { token, version: version + 1, expiresAt: now + ttlMs, ttlMs }
}

/** True while `lease` is in force: it has not expired, and nobody has another since. */
export function holds(lease: Lease, current: Lease | undefined, now: number): boolean {
  return (
    current?.token === lease.token && current.version === lease.version && !expired(current, now)
  )
}

/** True from the moment on at which others may take the job. */
export function expired(lease: Lease, now: number): boolean {
  return now >= lease.expiresAt
}

/** The same lease with its whole life before it. */
export function renewed(lease: Lease, now: number): Lease {
  return { ...lease, expiresAt: now + lease.ttlMs }
}

/** Time between two renewals, in ms. */
export function beatMs({ ttlMs }: Pick<Lease, 'ttlMs'>): number {
  return Math.max(1, Math.floor(ttlMs / BEATS))
}
