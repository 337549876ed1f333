import type { SessionUpdate, StopReason, ToolCallUpdate } from '@agentclientprotocol/sdk'
import { KithError } from '../../protocol/errors.ts'
import { MAX_ANSWER_BYTES, MAX_ANSWER_EVENTS } from '../../protocol/limits.ts'
import { singleLine } from '../../protocol/text.ts'
import type { EngineEvent, ToolEvent } from '../ports.ts'
import type { GuardedCall } from '../tool-guard.ts'
import { MAX_NAME_CHARS } from './acp-calls.ts'

/** Something that happened in a turn. */
export type TurnItem =
  | { kind: 'event'; event: EngineEvent }
  /** The agent wants to do something, and waits for `settle`: without an error it may. */
  | { kind: 'call'; call: GuardedCall; settle: (refusal?: Error) => void }
  | { kind: 'end'; why: StopReason }

/** What is known of a call of a tool, put together from the agent's updates. */
interface KnownCall {
  update: ToolCallUpdate
  state: ToolEvent['state']
}

/** One prompt of an agent and what comes of it, in order, until its end. Holds no more than an answer may have. */
export class AcpTurn {
  readonly #items: TurnItem[] = []
  readonly #calls = new Map<string, KnownCall>()
  #waiting = Promise.withResolvers<undefined>()
  #failure: Error | undefined
  #sessionUsd: number | undefined
  #bytes = 0
  #events = 0

  /**
   * The next thing that happened.
   *
   * @throws {KithError} `too-large` once the agent said more than an answer may have
   * @throws what the turn failed with; the signal's reason
   */
  async next(signal: AbortSignal): Promise<TurnItem> {
    const wake = (): void => {
      this.#waiting.resolve(undefined)
    }
    signal.addEventListener('abort', wake, { once: true })
    try {
      for (;;) {
        signal.throwIfAborted()
        const item = this.#items.shift()
        if (item !== undefined) return item
        if (this.#failure !== undefined) throw this.#failure
        this.#waiting = Promise.withResolvers()
        await this.#waiting.promise
      }
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }

  /** Takes in what the agent tells. What is not for the asker is left out. */
  update(update: SessionUpdate): void {
    switch (update.sessionUpdate) {
      case 'agent_message_chunk':
        if (update.content.type === 'text') this.#text(update.content.text)
        return
      case 'tool_call':
      case 'tool_call_update':
        this.#call(update)
        return
      case 'usage_update':
        if (update.cost?.currency === 'USD') this.#sessionUsd = update.cost.amount
        return
      default:
    }
  }

  /** What the whole session has cost until now, as the agent has it, in US dollars; undefined if it did not say. */
  get sessionUsd(): number | undefined {
    return this.#sessionUsd
  }

  /** All that is known of the call that `update` is of. */
  known(update: ToolCallUpdate): ToolCallUpdate {
    return this.#merged(update).update
  }

  /** Resolves once the agent may make `call`. @throws {KithError} `denied`, and what the turn ended with */
  permit(call: GuardedCall): Promise<undefined> {
    const { promise, reject, resolve } = Promise.withResolvers<undefined>()
    const settle = (refusal?: Error): void => {
      if (refusal === undefined) resolve(undefined)
      else reject(refusal)
    }
    this.#push({ kind: 'call', call, settle })
    return promise
  }

  /** Tells that the call was refused, whatever the agent says of it afterwards. */
  refused(id: string): void {
    this.#state(id, 'denied')
  }

  /** The agent has ended the turn. Calls that it left open have failed. */
  end(why: StopReason): void {
    for (const id of this.#calls.keys()) this.#state(id, 'failed')
    this.#push({ kind: 'end', why })
  }

  fail(failure: Error): void {
    this.#failure ??= failure
    this.#waiting.resolve(undefined)
  }

  /** Nobody reads any more: who still waits for a permission gets none. */
  close(): void {
    const over = new KithError('cancelled', 'the turn is over', {})
    this.fail(over)
    for (const item of this.#items.splice(0)) if (item.kind === 'call') item.settle(over)
  }

  #text(text: string): void {
    if (text === '') return
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes > MAX_ANSWER_BYTES) this.#fail('bytes', this.#bytes, MAX_ANSWER_BYTES)
    else this.#push({ kind: 'event', event: { kind: 'text', text } })
  }

  #call(update: ToolCallUpdate): void {
    const { toolCallId: id } = update
    const { status } = this.#merged(update).update
    if (status === 'completed') this.#state(id, 'done')
    if (status === 'failed') this.#state(id, 'failed')
  }

  #merged(update: ToolCallUpdate): KnownCall {
    const before = this.#calls.get(update.toolCallId)
    const call = before ?? { update, state: 'begun' }
    if (before === undefined) {
      this.#calls.set(update.toolCallId, call)
      this.#tell(call)
    } else {
      const said = Object.entries(update).filter(
        ([, value]) => value !== undefined && value !== null,
      )
      call.update = { ...call.update, ...Object.fromEntries(said) }
    }
    return call
  }

  /** A call ends once: what is said of it later does not count. */
  #state(id: string, state: ToolEvent['state']): void {
    const call = this.#calls.get(id)
    if (call?.state !== 'begun') return
    call.state = state
    this.#tell(call)
  }

  #tell({ state, update }: KnownCall): void {
    const name = singleLine(update.name ?? update.kind ?? 'other', MAX_NAME_CHARS)
    const call = singleLine(update.toolCallId, MAX_NAME_CHARS)
    this.#push({ kind: 'event', event: { kind: 'tool', call, name, state } })
  }

  #push(item: TurnItem): void {
    if (this.#failure !== undefined) {
      if (item.kind === 'call') item.settle(this.#failure)
      return
    }
    this.#events++
    if (this.#events > MAX_ANSWER_EVENTS) {
      this.#fail('events', this.#events, MAX_ANSWER_EVENTS)
      if (item.kind === 'call') item.settle(this.#failure)
      return
    }
    this.#items.push(item)
    this.#waiting.resolve(undefined)
  }

  #fail(what: string, count: number, limit: number): void {
    const message = `the agent said more than ${limit} ${what}`
    this.fail(new KithError('too-large', message, { bytes: count, limitBytes: limit }))
  }
}
