import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Tokens that a reply says were used. */
export interface ReplyUsage {
  input: number
  output: number
}

/** What the server does with one request for a completion. */
export type ModelReply =
  /** Says `text`, in pieces of `pieceChars`, once `when` has come. `usage: null` says nothing of tokens. */
  | {
      kind: 'text'
      text: string
      pieceChars?: number
      usage?: ReplyUsage | null
      when?: Promise<unknown>
    }
  /** Says `text`, if there is one, and calls tools. `input` goes out as it is when it is a text. */
  | { kind: 'tools'; text?: string; calls: ScriptedCall[]; usage?: ReplyUsage | null }
  /** Says `text`, if there is one, and then nothing, with the connection open. Without one, not even headers. */
  | { kind: 'stall'; text?: string }
  /** Says `text`, and drops the connection. */
  | { kind: 'cut'; text: string }
  /** Says `text`, if there is one, and then an error in the stream, as routers of other providers do. */
  | { kind: 'stream-error'; text?: string; message: string }
  /** Answers with this status. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; message?: string }
  /** Answers 200 with bytes that are no event of a stream. */
  | { kind: 'garbage' }
  /** Says `text` and ends because `max_tokens` are reached. */
  | { kind: 'length'; text: string; usage?: ReplyUsage | null }

export interface ScriptedCall {
  /** Tells the calls of one reply apart. @default call-1, call-2, … over the server's life */
  id?: string
  name: string
  input: unknown
}

/** A message as the chat-completions protocol has it. */
export interface ChatMessage {
  role: string
  content?: unknown
  tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[]
  tool_call_id?: string
}

export interface ChatBody {
  model: string
  messages: ChatMessage[]
  stream?: boolean
  max_tokens?: number
  max_completion_tokens?: number
  tools?: { type: string; function: { name: string; description?: string; parameters: unknown } }[]
}

/** A request for a completion, as it came. */
export interface ModelRequest {
  headers: IncomingHttpHeaders
  body: ChatBody
  /** When it was read whole, by `performance.now()`. */
  at: number
  /** Resolves when its connection is closed by the client before the reply has ended, with the time of that. */
  abandoned: Promise<number>
}

type Chooser = (request: ModelRequest) => ModelReply

/**
 * A model server on 127.0.0.1 that speaks the chat-completions protocol of OpenAI (`/v1/models` and
 * `/v1/chat/completions`, with and without a stream) and answers what its script says.
 */
export class ModelServer {
  /** All requests for a completion so far. */
  readonly requests: ModelRequest[] = []
  /** What is answered once the queue is empty. */
  otherwise: Chooser = ({ body }) => ({ kind: 'text', text: `You said: ${lastText(body)}` })
  readonly #server: Server
  readonly #queue: ModelReply[] = []
  readonly #waiting: (() => void)[] = []
  #calls = 0

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => {
      void this.#serve(request, response)
    })
  }

  static async start(port = 0): Promise<ModelServer> {
    const server = createServer()
    const models = new ModelServer(server)
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return models
  }

  /** Base URL for an OpenAI-compatible client, such as `http://127.0.0.1:4711/v1`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  /** Answers the next requests so, in this order, whichever client they come from. */
  reply(...replies: ModelReply[]): void {
    this.#queue.push(...replies)
  }

  /** The request with this number, from 0, once it is there. */
  async request(index: number): Promise<ModelRequest> {
    for (;;) {
      const request = this.requests[index]
      if (request !== undefined) return request
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.method === 'GET' && incoming.url === '/v1/models') {
      sendJson(response, 200, { object: 'list', data: [{ id: 'test-model', object: 'model' }] })
      return
    }
    const body = await readText(incoming).catch(() => undefined)
    if (body === undefined) return
    if (incoming.method !== 'POST' || incoming.url !== '/v1/chat/completions') {
      sendJson(response, 404, { error: { message: `no such path: ${incoming.url ?? ''}` } })
      return
    }
    const request: ModelRequest = {
      headers: incoming.headers,
      body: JSON.parse(body) as ChatBody,
      at: performance.now(),
      abandoned: abandonedOf(response),
    }
    const reply = this.#queue.shift() ?? this.otherwise(request)
    this.requests.push(request)
    for (const wake of this.#waiting.splice(0)) wake()
    if (reply.kind === 'text') await reply.when
    this.#send(response, request.body, reply)
  }

  #send(response: ServerResponse, body: ChatBody, reply: ModelReply): void {
    switch (reply.kind) {
      case 'status':
        sendJson(
          response,
          reply.status,
          { error: { message: reply.message ?? 'scripted' } },
          reply.headers,
        )
        return
      case 'garbage':
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end('data: {"choices": [{"delta": nonsense\n\n<html>bad gateway</html>\n\n')
        return
      case 'stall':
        if (reply.text !== undefined) new Chat(response, body).say(reply.text)
        return
      case 'cut':
        new Chat(response, body).say(reply.text)
        // After a while of the event loop: what was said has left by then.
        setTimeout(() => response.destroy(), 20)
        return
      case 'stream-error': {
        const chat = new Chat(response, body)
        if (reply.text !== undefined) chat.say(reply.text)
        chat.event({ error: { message: reply.message, type: 'server_error', code: 502 } })
        response.end()
        return
      }
      case 'text':
      case 'length':
      case 'tools':
        this.#complete(response, body, reply)
    }
  }

  #complete(
    response: ServerResponse,
    body: ChatBody,
    reply: Extract<ModelReply, { kind: 'text' | 'length' | 'tools' }>,
  ): void {
    const calls = reply.kind === 'tools' ? reply.calls.map((call) => this.#asCall(call)) : []
    const end = reply.kind === 'tools' ? 'tool_calls' : reply.kind === 'text' ? 'stop' : 'length'
    const usage = usageOf(body, reply)
    if (body.stream !== true) {
      const message = { role: 'assistant', content: reply.text ?? null, tool_calls: calls }
      const choices = [{ index: 0, message, finish_reason: end }]
      sendJson(response, 200, { ...envelope(body), object: 'chat.completion', choices, usage })
      return
    }
    const chat = new Chat(response, body)
    const pieceChars = reply.kind === 'text' ? reply.pieceChars : undefined
    if (reply.text !== undefined) chat.say(reply.text, pieceChars)
    for (const [index, call] of calls.entries()) chat.call(index, call)
    chat.end(end, usage)
  }

  #asCall({ id, name, input }: ScriptedCall): ToolCall {
    const text = typeof input === 'string' ? input : JSON.stringify(input)
    return {
      id: id ?? `call-${++this.#calls}`,
      type: 'function',
      function: { name, arguments: text },
    }
  }
}

/** The text of the newest message of the user. */
export function lastText(body: ChatBody): string {
  const content = body.messages.findLast(({ role }) => role === 'user')?.content
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part: { text?: string }) => part.text ?? '').join('')
}

type ToolCall = NonNullable<ChatMessage['tool_calls']>[number]

/** One streamed reply: server-sent events, each a chunk of the message. */
class Chat {
  readonly #response: ServerResponse
  readonly #body: ChatBody

  constructor(response: ServerResponse, body: ChatBody) {
    this.#response = response
    this.#body = body
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    this.#chunk({ role: 'assistant', content: '' })
  }

  say(text: string, pieceChars = Infinity): void {
    const characters = Array.from(text)
    for (let from = 0; from < characters.length; from += pieceChars) {
      this.#chunk({ content: characters.slice(from, from + pieceChars).join('') })
    }
  }

  /** A call of a tool: its name first, then its input in two pieces. */
  call(index: number, { id, type, function: { name, arguments: input } }: ToolCall): void {
    const middle = Math.floor(input.length / 2)
    this.#chunk({ tool_calls: [{ index, id, type, function: { name, arguments: '' } }] })
    for (const piece of [input.slice(0, middle), input.slice(middle)]) {
      this.#chunk({ tool_calls: [{ index, function: { arguments: piece } }] })
    }
  }

  end(reason: string, usage: object | undefined): void {
    this.#chunk({}, reason)
    if (usage !== undefined) this.event({ ...this.#envelope(), choices: [], usage })
    this.#response.end('data: [DONE]\n\n')
  }

  event(value: object): void {
    this.#response.write(`data: ${JSON.stringify(value)}\n\n`)
  }

  #chunk(delta: object, reason: string | null = null): void {
    this.event({ ...this.#envelope(), choices: [{ index: 0, delta, finish_reason: reason }] })
  }

  #envelope(): object {
    return { ...envelope(this.#body), object: 'chat.completion.chunk' }
  }
}

function envelope({ model }: ChatBody): object {
  return { id: 'chatcmpl-test', created: 1_795_000_000, model }
}

function usageOf(
  body: ChatBody,
  reply: { usage?: ReplyUsage | null | undefined },
): object | undefined {
  if (reply.usage === null) return undefined
  const { input, output } = reply.usage ?? { input: body.messages.length * 10, output: 5 }
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

function sendJson(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function abandonedOf(response: ServerResponse): Promise<number> {
  return new Promise((resolve) => {
    response.once('close', () => {
      if (!response.writableFinished) resolve(performance.now())
    })
  })
}
