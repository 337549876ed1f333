import { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type {
  ClientConnection,
  InitializeResponse,
  McpServer,
  PromptResponse,
  RequestPermissionRequest,
  RequestPermissionResponse,
} from '@agentclientprotocol/sdk'
import { isFailure, toError } from '../../protocol/errors.ts'
import { startChild } from '../child.ts'
import type { Child } from '../child.ts'
import type { Workspace } from '../workspace.ts'
import { fileCall, guardedCall, outcomeOf, withinWorkspace } from './acp-calls.ts'
import { AcpTurn } from './acp-turn.ts'
import { programFailed } from './program.ts'
import type { ProgramInit } from './program.ts'

/** How long an agent has to end a cancelled turn. What `Child.stop` takes comes on top: both are within 1 s. */
const CANCEL_MS = 250

/** Longest message of an agent, in bytes: it may hold a file, or a part of an answer. */
const MAX_MESSAGE_BYTES = 4_194_304

/** The JSON-RPC code of an agent that nobody has logged in (Agent Client Protocol, Error Codes). */
const AUTH_REQUIRED = -32_000

export interface AcpProcessInit extends ProgramInit {
  /** Name and version of this program. */
  software: { name: string; version: string }
}

export interface AcpProcessComponents {
  /** The files below `cwd`, which an agent may ask us for. */
  workspace: Workspace
  redacted: (text: string) => string
}

/** An agent that runs, and its sessions. Speaks the Agent Client Protocol, version 1, over its standard streams. */
export class AcpProcess {
  readonly #components: AcpProcessComponents
  readonly #init: AcpProcessInit
  readonly #child: Child
  readonly #connection: ClientConnection
  /** By the id of their session. */
  readonly #turns: Map<string, AcpTurn>
  /** Of each turn that the agent has not ended yet. */
  readonly #endings = new Map<AcpTurn, Promise<void>>()
  readonly #gone = new AbortController()
  #closesSessions = false

  private constructor(
    components: AcpProcessComponents,
    init: AcpProcessInit,
    parts: { child: Child; connection: ClientConnection; turns: Map<string, AcpTurn> },
  ) {
    this.#components = components
    this.#init = init
    this.#child = parts.child
    this.#connection = parts.connection
    this.#turns = parts.turns
    void this.#watch()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /**
   * Starts an agent, and resolves once it has said hello. `signal` ends it.
   *
   * @throws {KithError} `program-failed`
   * @throws the signal's reason
   */
  static async start(
    components: AcpProcessComponents,
    init: AcpProcessInit,
    signal: AbortSignal,
  ): Promise<AcpProcess> {
    const { client, methods, ndJsonStream, PROTOCOL_VERSION } =
      await import('@agentclientprotocol/sdk')
    const turns = new Map<string, AcpTurn>()
    const app = client({ name: init.software.name })
      .onNotification(methods.client.session.update, ({ params }) => {
        turns.get(params.sessionId)?.update(params.update)
      })
      .onRequest(methods.client.session.requestPermission, ({ params }) =>
        answerPermission(turns, params, init.cwd),
      )
      .onRequest(methods.client.fs.readTextFile, async ({ params }) => {
        const path = withinWorkspace(params.path, init.cwd)
        await turnOf(turns, params.sessionId).permit(fileCall(path))
        const lines = (await components.workspace.read(path)).split('\n')
        const first = Math.max(0, (params.line ?? 1) - 1)
        const end = first + (params.limit ?? lines.length)
        return { content: lines.slice(first, end).join('\n') }
      })
      .onRequest(methods.client.fs.writeTextFile, async ({ params }) => {
        const path = withinWorkspace(params.path, init.cwd)
        await turnOf(turns, params.sessionId).permit(fileCall(path, params.content))
        await components.workspace.write(path, params.content)
      })
    const child = await startChild(init, signal)
    const stream = ndJsonStream(
      Writable.toWeb(child.stdin),
      Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
      { maxMessageBytes: MAX_MESSAGE_BYTES },
    )
    const connection = app.connect(stream)
    const agent = new AcpProcess(components, init, { child, connection, turns })
    try {
      await agent.#hello(PROTOCOL_VERSION)
    } catch (err) {
      await agent.stop()
      signal.throwIfAborted()
      throw err
    }
    return agent
  }

  /** Aborted once it has ended, with a `program-failed` that says why. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /**
   * Begins a session with these servers and gives its id. An agent that is aborted meanwhile is ended: it would answer nobody.
   *
   * @throws {KithError} `program-failed`
   * @throws the signal's reason
   */
  async newSession(signal: AbortSignal, mcpServers: McpServer[]): Promise<string> {
    const onAbort = (): void => void this.stop()
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      const { agent } = this.#connection
      const request = agent.request('session/new', { cwd: this.#init.cwd, mcpServers })
      const { sessionId } = await this.#asked(request)
      return sessionId
    } finally {
      signal.removeEventListener('abort', onAbort)
      signal.throwIfAborted()
    }
  }

  /** Ends a session, if the agent knows how to. Does not wait for it. */
  closeSession(sessionId: string): void {
    if (!this.#closesSessions || this.gone.aborted) return
    void this.#connection.agent.request('session/close', { sessionId }).catch(() => undefined)
  }

  /** Says `text` in a session. What comes of it is in the turn, its end too. One turn at a time in each session. */
  prompt(sessionId: string, text: string): AcpTurn {
    const turn = new AcpTurn()
    this.#turns.set(sessionId, turn)
    this.#endings.set(turn, this.#play(sessionId, text, turn))
    return turn
  }

  /** Ends the turn of a session, if there is one: when the agent does not in time, by ending the agent. */
  async cancel(sessionId: string, turn: AcpTurn): Promise<void> {
    turn.close()
    const ending = this.#endings.get(turn)
    if (ending === undefined) return
    // Not awaited: an agent that reads nothing would keep us here.
    void this.#connection.agent.notify('session/cancel', { sessionId }).catch(() => undefined)
    const ended = new AbortController()
    const late = delay(CANCEL_MS, true, { signal: ended.signal }).catch(() => false)
    if (await Promise.race([ending, late])) await this.stop()
    ended.abort()
  }

  /** Ends the agent and all that it started. */
  async stop(): Promise<void> {
    await this.#child.stop()
  }

  async #play(sessionId: string, text: string, turn: AcpTurn): Promise<void> {
    const prompt = [{ type: 'text' as const, text }]
    const { agent } = this.#connection
    const request: Promise<PromptResponse> = agent.request('session/prompt', { sessionId, prompt })
    const [played] = await Promise.allSettled([this.#asked(request)])
    this.#turns.delete(sessionId)
    this.#endings.delete(turn)
    if (played.status === 'fulfilled') turn.end(played.value.stopReason)
    else turn.fail(toError(played.reason))
  }

  async #hello(version: number): Promise<void> {
    const { software } = this.#init
    const { agent } = this.#connection
    const hello: Promise<InitializeResponse> = agent.request('initialize', {
      protocolVersion: version,
      clientInfo: software,
      clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: false },
    })
    const { agentCapabilities, protocolVersion } = await this.#asked(hello)
    if (protocolVersion !== version) {
      throw this.#failed(`speaks version ${protocolVersion} of the protocol, and not ${version}`)
    }
    this.#closesSessions =
      (agentCapabilities?.sessionCapabilities?.close ?? undefined) !== undefined
  }

  /** What the agent answers. @throws {KithError} `program-failed` with what it says instead */
  async #asked<T>(request: Promise<T>): Promise<T> {
    try {
      return await request
    } catch (err) {
      // A connection that went away says less than the program whose it was.
      if (this.#connection.signal.aborted) {
        await this.stop()
        throw this.#failed('ended, or broke the protocol')
      }
      const login = err instanceof Error && 'code' in err && err.code === AUTH_REQUIRED
      throw this.#failed(login ? 'wants somebody to log in' : `refused: ${toError(err).message}`)
    }
  }

  async #watch(): Promise<void> {
    // Whichever goes first takes the other along.
    await Promise.race([this.#child.ended, this.#connection.closed])
    await this.stop()
    this.#connection.close()
    const { exitCode, signal } = await this.#child.ended
    this.#gone.abort(this.#failed(`ended with ${signal ?? `exit code ${String(exitCode)}`}`))
  }

  #failed(why: string): Error {
    const [program] = this.#init.argv
    return programFailed(program, why, this.#components.redacted(this.#child.stderrTail))
  }
}

async function answerPermission(
  turns: ReadonlyMap<string, AcpTurn>,
  { options, sessionId, toolCall }: RequestPermissionRequest,
  cwd: string,
): Promise<RequestPermissionResponse> {
  const turn = turns.get(sessionId)
  if (turn === undefined) return { outcome: { outcome: 'cancelled' } }
  try {
    await turn.permit(guardedCall(turn.known(toolCall), cwd))
    return { outcome: outcomeOf(options, true) }
  } catch (err) {
    if (!isFailure(err, 'denied')) return { outcome: { outcome: 'cancelled' } }
    turn.refused(toolCall.toolCallId)
    return { outcome: outcomeOf(options, false) }
  }
}

/** @throws {Error} for a session in which nobody asks anything now */
function turnOf(turns: ReadonlyMap<string, AcpTurn>, sessionId: string): AcpTurn {
  const turn = turns.get(sessionId)
  if (turn === undefined) throw new Error('there is no turn in this session')
  return turn
}
