import { isFailure } from '../../protocol/errors.ts'

/** `warn`: the node does its work, and something needs a look. `fail`: something does not work, or is not safe. */
export type CheckState = 'ok' | 'warn' | 'fail'

/** What a check has found of one thing, and how to make it good. */
export interface Finding {
  state: CheckState
  what: string
  /** The command or edit that clears it. */
  hint?: string
  /** What a program reads of it. */
  details?: Record<string, string | number | boolean>
}

/** Findings of each state. */
export type Counts = Record<CheckState, number>

export function ok(what: string, details?: Finding['details']): Finding {
  return { state: 'ok', what, ...(details === undefined ? {} : { details }) }
}

export function warn(what: string, hint: string, details?: Finding['details']): Finding {
  return { state: 'warn', what, hint, ...(details === undefined ? {} : { details }) }
}

export function fail(what: string, hint: string, details?: Finding['details']): Finding {
  return { state: 'fail', what, hint, ...(details === undefined ? {} : { details }) }
}

/** A point in time (ms since the epoch) as findings say it: `2026-11-21 09:08 UTC`. */
export function minuteText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** What a check has thrown, as its finding. */
export function failed(err: unknown): Finding {
  const what = err instanceof Error ? err.message : String(err)
  const hint = isFailure(err) ? err.hint : undefined
  return { state: 'fail', what, ...(hint === undefined ? {} : { hint }) }
}

/** What `run` finds; what it throws is one finding. */
export async function attempt(run: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await run()
  } catch (err) {
    return [failed(err)]
  }
}

/** The worst state of all. */
export function verdictOf(findings: readonly Pick<Finding, 'state'>[]): CheckState {
  const states = new Set(findings.map(({ state }) => state))
  if (states.has('fail')) return 'fail'
  return states.has('warn') ? 'warn' : 'ok'
}

export function countsOf(findings: readonly Pick<Finding, 'state'>[]): Counts {
  const counts: Counts = { ok: 0, warn: 0, fail: 0 }
  for (const { state } of findings) counts[state]++
  return counts
}
