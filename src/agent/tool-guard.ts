import { KithError } from '../protocol/errors.ts'
import type { ApprovalEvent, ApprovalState, Approvals, EngineAsk } from './ports.ts'
import type { Presets, ToolIdentity } from './presets.ts'
import { assertShown, shownLine, shownText } from './shown.ts'

/** What a call may do at worst: `safe` runs, `caution` waits for a person, `dangerous` is never run. */
export type Risk = 'safe' | 'caution' | 'dangerous'

/** A call, as a person would judge it. */
export interface GuardedCall {
  tool: ToolIdentity
  risk: Risk
  /** What would be done. */
  what: string
  /** All of it, where `what` is an account. */
  details?: string
  /** Calls that are alike have one key: an answer for the session, or for always, is for this key. */
  key: string
  /** True for a call that may do another thing the next time: an answer is for this one alone. @default false */
  onceOnly?: boolean
}

export interface Waiting {
  /** All that the engine needs to go on from here in another process. */
  checkpoint: Uint8Array
  signal: AbortSignal
  /** The approval that this call waits for since before a restart. */
  approval?: string
}

export interface ToolGuardComponents {
  presets: Presets
  approvals: Approvals
}

/** Decides on each call of a tool when it is made, whatever an engine was told or believes. */
export class ToolGuard {
  readonly #components: ToolGuardComponents

  constructor(components: ToolGuardComponents) {
    this.#components = components
  }

  /** Whether the presets of `ask` cover `tool`. @throws {KithError} `denied` for presets that there are not */
  covers(ask: EngineAsk, tool: ToolIdentity): boolean {
    return this.#components.presets.allows(ask.presets, tool)
  }

  /** @throws {KithError} `denied` with rule `preset` for a tool that the presets of `ask` do not cover */
  assertCovers(ask: EngineAsk, tool: ToolIdentity): void {
    if (this.covers(ask, tool)) return
    const message = `${tool.name} is above the preset ${ask.presets.join(' and ')}`
    throw new KithError('denied', message, { rule: 'preset' })
  }

  /**
   * Returns once `call` may run. Where a person has to say so, the events tell of it, and the wait outlives the
   * process: see `Waiting`.
   *
   * @throws {KithError} `denied` with the rule `preset`, `dangerous`, or `approve` when a person refused, gave no
   *   answer in time, or cannot be shown all of it; `store-failed`
   * @throws the signal's reason
   */
  async *permit(
    ask: EngineAsk,
    call: GuardedCall,
    waiting: Waiting,
  ): AsyncGenerator<ApprovalEvent, undefined> {
    this.assertCovers(ask, call.tool)
    const { name } = call.tool
    if (call.risk === 'dangerous') {
      throw new KithError('denied', `${name} does not do this: ${call.what}`, { rule: 'dangerous' })
    }
    // What has waited since before a restart waits on: a no counts, whatever the rules for this call are by now.
    const waits = call.risk === 'caution' || ask.approve.includes(call.tool.class)
    if (!waits && waiting.approval === undefined) return
    const state = yield* this.#answer(ask, call, waiting)
    // Once more: a person may have taken their time, and the preset of the asker may be lower by now.
    this.assertCovers(ask, call.tool)
    if (state === 'granted') return
    const why = state === 'expired' ? 'nobody answered in time' : 'a person refused'
    throw new KithError('denied', `${name} did not run: ${why}`, { rule: 'approve' })
  }

  async *#answer(
    ask: EngineAsk,
    { details, key, onceOnly = false, tool, what }: GuardedCall,
    { approval: since, checkpoint, signal }: Waiting,
  ): AsyncGenerator<ApprovalEvent, ApprovalState> {
    const { approvals } = this.#components
    const line = shownLine(what)
    if (since === undefined) {
      const alike = { ask, tool: tool.name, key }
      if (!onceOnly && approvals.remembered(alike) === 'granted') return 'granted'
      signal.throwIfAborted()
    } else if (!approvals.isFor(since, { tool: tool.name, key })) {
      // Another engine, or other settings, make another call of the ask than the one that a person was shown.
      const message = `${tool.name} did not run: what waited for a person was another call`
      throw new KithError('denied', message, { rule: 'approve' })
    }
    assertShown(tool.name, line)
    const request = {
      ...{ ask, tool: tool.name, toolClass: tool.class, what: line, key, onceOnly, checkpoint },
      ...(details === undefined ? {} : { details: shownText(details) }),
    }
    const approval = since ?? (await approvals.open(request))
    yield { kind: 'approval', approval, state: 'waiting', what: line }
    const state = await approvals.wait(approval, signal)
    yield { kind: 'approval', approval, state, what: line }
    return state
  }
}
