import type { CallToolResult, Client, Transport } from '@modelcontextprotocol/client'
import { KithError, toError } from '../../protocol/errors.ts'
import { VERSION } from '../../protocol/software.ts'
import { singleLine } from '../../protocol/text.ts'
import type { ChildInit } from '../child.ts'
import type { ToolOutput } from '../tools/tool.ts'
import type { HttpServerInit } from './http-transport.ts'
import type { ListedTool } from './offered-tool.ts'

/** How long a server may take to say which version of the protocol it speaks; an old one says nothing at all. */
const PROBE_MS = 5_000

/** Most pages of tools that are read, and most times in one connection that the list may change. */
const MAX_PAGES = 16
const MAX_LIST_CHANGES = 100

/** How much of what a program said last goes to the log, in UTF-16 units. */
const MAX_TAIL_CHARS = 1_000

/** Where a server is: a program of the owner's, or an address. */
export type McpReach = { program: ChildInit } | { http: HttpServerInit }

export interface ConnectionInit {
  /** Its name in the config. */
  server: string
  reach: McpReach
  /** Longest wait for an answer, in ms. */
  timeoutMs: number
}

export interface ConnectionComponents {
  /** Takes secrets out of what a program says, before it gets to a log. */
  redacted: (text: string) => string
  /** The server says that it has other tools now. */
  onToolsChanged: (connection: McpConnection) => void
}

/** A server of the Model Context Protocol that runs, and has said hello. Nothing it says of itself is believed. */
export class McpConnection {
  readonly #components: ConnectionComponents
  readonly #init: ConnectionInit
  readonly #client: Client
  readonly #transport: Transport & { why?: string | undefined; stderrTail?: string }
  readonly #gone = new AbortController()

  private constructor(
    components: ConnectionComponents,
    init: ConnectionInit,
    parts: { client: Client; transport: Transport },
  ) {
    this.#components = components
    this.#init = init
    this.#client = parts.client
    this.#transport = parts.transport
    parts.client.onclose = () => {
      this.#gone.abort(this.#failure(this.#transport.why ?? 'closed the connection'))
    }
  }

  /**
   * Starts a server, or reaches for one, and resolves once it has said hello. `signal` ends that.
   *
   * @throws {KithError} `program-failed`; `bad-request` for an address that may not be asked
   * @throws the signal's reason
   */
  static async open(
    components: ConnectionComponents,
    init: ConnectionInit,
    signal: AbortSignal,
  ): Promise<McpConnection> {
    const { Client } = await import('@modelcontextprotocol/client')
    const transport = await transportTo(init.reach)
    signal.throwIfAborted()
    let changes = 0
    const client = new Client(
      { name: 'kith', version: VERSION },
      {
        // Nothing is done for a server: it reads no model of ours, asks nobody, and sees no folder.
        capabilities: {},
        versionNegotiation: {
          mode: 'auto',
          probe: { timeoutMs: Math.min(PROBE_MS, init.timeoutMs) },
        },
        inputRequired: { autoFulfill: false },
        listMaxPages: MAX_PAGES,
        // A schema of the server's is not run here: its patterns could be made to take for ever.
        jsonSchemaValidator: {
          getValidator: () => (data) => ({
            valid: true,
            data: data as never,
            errorMessage: undefined,
          }),
        },
        listChanged: {
          tools: {
            autoRefresh: false,
            debounceMs: 0,
            onChanged: () => {
              changes++
              if (changes > MAX_LIST_CHANGES) void client.close()
              else components.onToolsChanged(connection)
            },
          },
        },
      },
    )
    const connection = new McpConnection(components, init, { client, transport })
    const onAbort = (): void => void connection.close()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await client.connect(transport, { timeout: init.timeoutMs })
    } catch (err) {
      await connection.close()
      signal.throwIfAborted()
      throw connection.#faultOf(err)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    return connection
  }

  /** Aborted once it has gone, with a `program-failed` that says why. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** All tools that it has now. @throws {KithError} `program-failed` */
  async tools(): Promise<ListedTool[]> {
    try {
      const { timeoutMs: timeout } = this.#init
      return (await this.#client.listTools(undefined, { timeout, cacheMode: 'refresh' })).tools
    } catch (err) {
      throw this.#faultOf(err)
    }
  }

  /**
   * What a tool says. An answer that is an error is output too, which has failed: those are the server's words.
   *
   * @throws {KithError} `program-failed` when there is no answer
   * @throws the signal's reason, when the call was cancelled
   */
  async call(
    name: string,
    input: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Omit<ToolOutput, 'source'>> {
    const { ProtocolError } = await import('@modelcontextprotocol/client')
    try {
      const timeout = this.#init.timeoutMs
      const result = await this.#client.callTool({ name, arguments: input }, { signal, timeout })
      return { text: textOf(result), failed: result.isError === true }
    } catch (err) {
      signal.throwIfAborted()
      if (err instanceof ProtocolError) return { text: err.message, failed: true }
      throw this.#faultOf(err)
    }
  }

  /** Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    // Of a transport that has not started, the client knows nothing.
    await Promise.allSettled([this.#client.close(), this.#transport.close()])
    this.#gone.abort(this.#failure('was stopped'))
  }

  /** In our own words: what the library says may be the server's. */
  #faultOf(err: unknown): Error {
    if (err instanceof KithError) return err
    const { code, data, name } = toError(err) as Error & { code?: string | number; data?: unknown }
    const status = typeof data === 'object' && data !== null && 'status' in data ? data.status : ''
    if (code === 'REQUEST_TIMEOUT') {
      return this.#failure(`gave no answer within ${this.#init.timeoutMs / 1_000} s`)
    }
    if (typeof status === 'number') return this.#failure(`answered with status ${status}`)
    if (name === 'UnauthorizedError') return this.#failure('does not take the key')
    if (this.#transport.why !== undefined) return this.#failure(this.#transport.why)
    if (name === 'TypeError') return this.#failure('cannot be reached')
    return this.#failure(`broke the protocol (${code ?? name})`)
  }

  #failure(why: string): KithError<'program-failed'> {
    const { server } = this.#init
    const said = this.#components.redacted(this.#transport.stderrTail ?? '').slice(-MAX_TAIL_CHARS)
    const program = `MCP server ${server}`
    return new KithError(
      'program-failed',
      `the ${program} ${why}`,
      { program, why },
      {
        // For our own log alone: the message is told to the model.
        ...(said === '' ? {} : { cause: new Error(singleLine(said, MAX_TAIL_CHARS)) }),
        hint: 'kith mcp-tools list',
      },
    )
  }
}

/** Loaded when the first server is started: the library costs 0.1 s. */
async function transportTo(reach: McpReach): Promise<Transport> {
  if ('http' in reach) {
    const { httpTransport } = await import('./http-transport.ts')
    return httpTransport(reach.http)
  }
  const { ChildTransport } = await import('./child-transport.ts')
  return new ChildTransport(reach.program)
}

/** What a result says, as text: of what is none, what it would be. */
function textOf({ content, structuredContent }: CallToolResult): string {
  const parts = content.map((part) => {
    switch (part.type) {
      case 'text':
        return part.text
      case 'resource':
        return 'text' in part.resource ? part.resource.text : `[a file: ${part.resource.uri}]`
      case 'resource_link':
        return `[a link: ${part.uri}]`
      case 'image':
      case 'audio':
        return `[${part.type}, ${part.mimeType}: not shown]`
    }
  })
  const text = parts.join('\n')
  return text === '' && structuredContent !== undefined ? JSON.stringify(structuredContent) : text
}
