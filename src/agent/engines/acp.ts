import type { McpServer, StopReason } from '@agentclientprotocol/sdk'
import { isFailure, toError } from '../../protocol/errors.ts'
import { ended, failed } from '../failure.ts'
import { OWNER_NAME } from '../ports.ts'
import type { Engine, EngineAsk, EngineEvent, EngineFailure } from '../ports.ts'
import { AcpPool, MAX_KEPT_SESSIONS } from './acp-pool.ts'
import type { AcpPoolComponents, KeptSession, Place } from './acp-pool.ts'
import type { AcpProcessInit } from './acp-process.ts'
import type { TurnItem } from './acp-turn.ts'
import { NO_HISTORY, conversationText } from './conversation.ts'
import type { History } from './conversation.ts'
import { permitProgram, programFailed, reserveProgram, wasRunning } from './program.ts'
import type { ProgramComponents } from './program.ts'

export interface AcpEngineInit extends AcpProcessInit {
  /**
   * By what an agent asks peers on its own: for asks of the owner with a preset that covers `ask_peer`. Of a peer's
   * ask, the way it came, its budget and its preset would be lost on the way through the agent. @default nothing
   */
  mesh?: McpServer
}

export interface AcpEngineComponents extends AcpPoolComponents, ProgramComponents {}

/** What an asker is told of an end that cuts an answer short. */
const END_NOTES: Readonly<Partial<Record<string, string>>> = {
  max_tokens: 'the agent stopped: its model may say no more',
  max_turn_requests: 'the agent stopped: it may call its model no more',
  refusal: 'the agent refuses to go on',
}

/** What an agent with `mesh` can reach. */
const ASK_PEER = { name: 'ask_peer', class: 'spend' } as const

/** The state of an ask that waits for a person in the middle of a turn. It cannot go on in another process. */
const IN_A_TURN = new TextEncoder().encode('in a turn')

/**
 * The engine that hands asks to an agent of the owner's which speaks the Agent Client Protocol. What the agent wants
 * permission for is judged as a tool of ours would be. What it does without asking, it does: `needs` says what that
 * can be.
 */
export class AcpEngine implements Engine {
  readonly name = 'acp'
  readonly #components: AcpEngineComponents
  readonly #init: AcpEngineInit
  readonly #pool: AcpPool

  constructor(components: AcpEngineComponents, init: AcpEngineInit) {
    this.#components = components
    this.#init = init
    this.#pool = new AcpPool(components, init)
  }

  /** Ends all agents. Resolves when none of them runs. */
  async stop(): Promise<void> {
    await this.#pool.stop()
  }

  run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    return ended(this.#permitted(ask, signal), signal)
  }

  async *#permitted(
    ask: EngineAsk,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent, EngineFailure | undefined> {
    if (wasRunning(ask)) return failed('interrupted', {}, 'its agent went with the node')
    yield* permitProgram(this.#components.guard, this.name, this.#init, ask, signal)
    const { budget } = this.#components
    const { reservation, usage } = await reserveProgram(budget, this.name, this.#init, ask)
    const over = AbortSignal.any([signal, reservation.exhausted])
    let used = usage
    try {
      const microUsd = yield* this.#pool.with(ask.asker.id, over, (place) =>
        this.#answer(ask, place, over),
      )
      if (microUsd !== undefined) used = { ...usage, microUsd, estimated: false }
    } finally {
      await reservation.settle(used)
    }
    return undefined
  }

  /** Returns what it cost, in millionths of a US dollar, if the agent said so. */
  async *#answer(
    ask: EngineAsk,
    place: Place,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent, number | undefined> {
    const { now, onProgram, ownId, sessions } = this.#components
    const { process } = place
    onProgram(ask.id, { pid: process.pid })
    const over = AbortSignal.any([signal, process.gone])
    const askedAt = now()
    const history = await sessions.read(ask)
    const servers = this.#serversFor(ask)
    const record = recordOf(history, servers)
    const kept = takeSession(place, ask, record)
    const id = kept?.id ?? (await process.newSession(over, servers))
    const prompt = conversationText(ask, kept === undefined ? history : NO_HISTORY, ownId)
    const turn = process.prompt(id, prompt)
    let answer = ''
    let ended = false
    try {
      for (;;) {
        const item = await turn.next(over)
        if (item.kind === 'end') {
          yield* this.#endOf(item.why)
          break
        }
        if (item.kind === 'call') {
          yield* this.#decide(ask, item, over)
          continue
        }
        if (item.event.kind === 'text') answer += item.event.text
        yield item.event
      }
      ended = true
    } finally {
      if (!ended) await process.cancel(id, turn)
      if (!ended || ask.session === undefined) process.closeSession(id)
    }
    if (ask.session !== undefined) {
      await sessions.append(ask, [
        { role: 'user', text: ask.text, at: askedAt },
        { role: 'assistant', text: answer, at: now() },
      ])
      const usd = turn.sessionUsd ?? kept?.usd ?? 0
      const after = recordOf(await sessions.read(ask), servers)
      keepSession(place, ask.session, { id, record: after, usd })
    }
    if (turn.sessionUsd === undefined) return undefined
    return Math.max(0, Math.ceil((turn.sessionUsd - (kept?.usd ?? 0)) * 1_000_000))
  }

  #serversFor(ask: EngineAsk): McpServer[] {
    const { guard, ownId } = this.#components
    const { mesh } = this.#init
    const owner = ask.asker.name === OWNER_NAME && ask.asker.id === ownId
    return mesh !== undefined && owner && guard.covers(ask, ASK_PEER) ? [mesh] : []
  }

  /** Lets the agent go on with what it asked for, or not. */
  async *#decide(
    ask: EngineAsk,
    { call, settle }: Extract<TurnItem, { kind: 'call' }>,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    try {
      yield* this.#components.guard.permit(ask, call, { checkpoint: IN_A_TURN, signal })
      settle()
    } catch (err) {
      settle(toError(err))
      if (!isFailure(err, 'denied')) throw err
    }
  }

  *#endOf(why: StopReason): Generator<EngineEvent> {
    if (why === 'end_turn') return
    const [program] = this.#init.argv
    // We did not cancel it: whoever did has no part in this ask.
    if (why === 'cancelled') throw programFailed(program, 'cancelled the turn by itself', '')
    yield { kind: 'progress', note: END_NOTES[why] ?? 'the agent stopped' }
  }
}

/** The open session in which `ask` goes on, if what was said in it is still what our own record says. */
function takeSession(place: Place, ask: EngineAsk, record: string): KeptSession | undefined {
  if (ask.session === undefined) return undefined
  const kept = place.sessions.get(ask.session)
  place.sessions.delete(ask.session)
  if (kept === undefined || kept.record === record) return kept
  place.process.closeSession(kept.id)
  return undefined
}

function keepSession(place: Place, name: string, session: KeptSession): void {
  const { process, sessions } = place
  const [oldest] = sessions
  const other = sessions.get(name) ?? (sessions.size >= MAX_KEPT_SESSIONS ? oldest?.[1] : undefined)
  if (other !== undefined) process.closeSession(other.id)
  if (sessions.size >= MAX_KEPT_SESSIONS && oldest !== undefined) sessions.delete(oldest[0])
  sessions.set(name, session)
}

/** What tells one state of a session from another: it changes with each message, and when it is compacted. */
function recordOf({ messages, summary = '' }: History, servers: readonly McpServer[]): string {
  return JSON.stringify([summary, messages.length, messages.at(-1)?.at, servers.length])
}
