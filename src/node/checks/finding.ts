import { isFailure } from '../../protocol/errors.ts'

/** `warn`: the node does its work, and something needs a look. `fail`: something does not work, or is not safe. */
export type CheckState = 'ok' | 'warn' | 'fail'

/** What a check has found of one thing, and how to make it good. */
export interface Finding {
  state: CheckState
  what: string
  /** The command or edit that clears it. */
  hint?: string
}

export function ok(what: string): Finding {
  return { state: 'ok', what }
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
