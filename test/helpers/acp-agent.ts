/*
 * An agent that speaks the Agent Client Protocol on its standard streams and does what its prompts say: each is
 * searched for steps, such as `{"steps":[["say","hello"]]}`. Its argument makes it misbehave at the start: `mute`
 * never says hello, `old` speaks another version, `login` wants somebody to log in.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import {
  PROTOCOL_VERSION,
  RequestError,
  agent,
  methods,
  ndJsonStream,
} from '@agentclientprotocol/sdk'
import type {
  AgentContext,
  McpServer,
  PromptResponse,
  ReadTextFileResponse,
  SessionUpdate,
  StopReason,
  ToolKind,
} from '@agentclientprotocol/sdk'

export type AcpStep =
  | ['say', text: string]
  /** Says its prompt again. */
  | ['prompt']
  /** Says which MCP servers its session has. */
  | ['servers']
  /** Says its process id, how many prompts its session had, and how many sessions it has. */
  | ['where']
  /** Asks for permission, and says what it was told. */
  | ['permission', kind: ToolKind | null, title: string, path?: string]
  | ['read', path: string, line?: number, limit?: number]
  | ['write', path: string, content: string]
  | ['usage', usd: number]
  /** Begins and ends a tool without asking. */
  | ['tool', name: string, status: 'completed' | 'failed' | 'pending']
  | ['end', reason: StopReason]
  /** Waits until it is cancelled. */
  | ['wait']
  /** Ignores every cancel and SIGTERM from now on, has a child that ignores SIGTERM, and says the pids of both. */
  | ['stubborn']
  | ['exit', code: number]
  /** Says so many texts of so many characters. */
  | ['flood', texts: number, chars: number]
  /** Writes one line that has no end. */
  | ['line']

interface Session {
  prompts: number
  servers: McpServer[]
  cancelled: PromiseWithResolvers<undefined>
}

const mode = process.argv[2]
const sessions = new Map<string, Session>()
let begun = 0
let stubborn = false

if (mode === 'mute') {
  setInterval(() => undefined, 60_000)
} else {
  serve()
}

function serve(): void {
  const app = agent({ name: 'scripted' })
    .onRequest(methods.agent.initialize, () => ({
      protocolVersion: mode === 'old' ? 0 : PROTOCOL_VERSION,
      agentCapabilities: { sessionCapabilities: { close: {} } },
    }))
    .onRequest(methods.agent.session.new, ({ params }) => {
      if (mode === 'login') throw RequestError.authRequired()
      const sessionId = `session-${++begun}`
      const { mcpServers: servers } = params
      sessions.set(sessionId, { prompts: 0, servers, cancelled: Promise.withResolvers() })
      return { sessionId }
    })
    .onRequest(methods.agent.session.close, ({ params }) => {
      sessions.delete(params.sessionId)
      return {}
    })
    .onNotification(methods.agent.session.cancel, ({ params }) => {
      if (!stubborn) sessions.get(params.sessionId)?.cancelled.resolve(undefined)
    })
    .onRequest(methods.agent.session.prompt, async ({ client, params }) => {
      const session = sessions.get(params.sessionId)
      if (session === undefined) throw RequestError.invalidParams()
      session.prompts++
      session.cancelled = Promise.withResolvers()
      const [block] = params.prompt
      const text = block?.type === 'text' ? block.text : ''
      const turn = new ScriptedTurn(client, params.sessionId, session)
      return { stopReason: await turn.play(text) } satisfies PromptResponse
    })
  const input = Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>
  app.connect(ndJsonStream(Writable.toWeb(process.stdout), input))
}

class ScriptedTurn {
  readonly #client: AgentContext
  readonly #sessionId: string
  readonly #session: Session
  #calls = 0

  constructor(client: AgentContext, sessionId: string, session: Session) {
    this.#client = client
    this.#sessionId = sessionId
    this.#session = session
  }

  async play(prompt: string): Promise<StopReason> {
    // The last of them: a transcript of its session comes before it.
    const script = prompt.match(/\{"steps":.*\}/gu)?.at(-1) ?? '{"steps":[]}'
    const { steps } = JSON.parse(script) as { steps: AcpStep[] }
    for (const step of steps) {
      const reason = await this.#step(step, prompt)
      if (reason !== undefined) return reason
    }
    return 'end_turn'
  }

  async #step(step: AcpStep, prompt: string): Promise<StopReason | undefined> {
    const sessionId = this.#sessionId
    switch (step[0]) {
      case 'say':
        await this.#say(step[1])
        return
      case 'prompt':
        await this.#say(prompt)
        return
      case 'servers':
        await this.#say(JSON.stringify(this.#session.servers))
        return
      case 'where':
        await this.#say(`${process.pid} ${this.#session.prompts} ${sessions.size}`)
        return
      case 'permission':
        await this.#permission(step[1], step[2], step[3])
        return
      case 'read': {
        const [, path, line = null, limit = null] = step
        const read = { sessionId, path, line, limit }
        const { fs } = methods.client
        const answer: ReadTextFileResponse = await this.#client.request(fs.readTextFile, read)
        await this.#say(answer.content)
        return
      }
      case 'write': {
        const [, path, content] = step
        const write = { sessionId, path, content }
        const outcome = await this.#client.request(methods.client.fs.writeTextFile, write).then(
          () => 'written',
          () => 'refused',
        )
        await this.#say(outcome)
        return
      }
      case 'usage': {
        const cost = { amount: step[1], currency: 'USD' }
        await this.#update({ sessionUpdate: 'usage_update', used: 10, size: 1_000, cost })
        return
      }
      case 'tool': {
        const call = { toolCallId: `call-${++this.#calls}`, title: 'a tool', name: step[1] }
        await this.#update({ sessionUpdate: 'tool_call', ...call, status: 'pending' })
        await this.#update({ sessionUpdate: 'tool_call_update', ...call, status: step[2] })
        return
      }
      case 'end':
        return step[1]
      case 'wait':
        await this.#session.cancelled.promise
        return 'cancelled'
      case 'stubborn':
        await this.#resist()
        return
      case 'exit':
        process.stderr.write('out of s3cret tea\n', () => process.exit(step[1]))
        await new Promise(() => undefined)
        return
      case 'flood': {
        const text = 'x'.repeat(step[2])
        for (let left = step[1]; left > 0; left--) await this.#say(text)
        return
      }
      case 'line':
        for (;;) {
          if (!process.stdout.write('x'.repeat(65_536))) await once(process.stdout, 'drain')
        }
    }
  }

  async #permission(kind: ToolKind | null, title: string, path?: string): Promise<void> {
    const toolCallId = `call-${++this.#calls}`
    const locations = path === undefined ? [] : [{ path }]
    const call = { toolCallId, title, locations, ...(kind === null ? {} : { kind }) }
    await this.#update({ sessionUpdate: 'tool_call', ...call, status: 'pending' })
    const { outcome } = await this.#client.request(methods.client.session.requestPermission, {
      sessionId: this.#sessionId,
      toolCall: { toolCallId },
      options: [
        { optionId: 'always', name: 'Always', kind: 'allow_always' },
        { optionId: 'yes', name: 'Yes', kind: 'allow_once' },
        { optionId: 'no', name: 'No', kind: 'reject_once' },
      ],
    })
    const told = outcome.outcome === 'selected' ? outcome.optionId : outcome.outcome
    const status = told === 'yes' ? 'completed' : 'failed'
    await this.#update({ sessionUpdate: 'tool_call_update', toolCallId, status })
    await this.#say(told)
  }

  async #resist(): Promise<void> {
    stubborn = true
    process.on('SIGTERM', () => undefined)
    const script = `trap '' TERM; while :; do sleep 60; done`
    const child = spawn('sh', ['-c', script], { stdio: 'ignore' })
    await once(child, 'spawn')
    await this.#say(`${process.pid} ${String(child.pid)}`)
  }

  #say(text: string): Promise<void> {
    return this.#update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } })
  }

  #update(update: SessionUpdate): Promise<void> {
    return this.#client.notify(methods.client.session.update, {
      sessionId: this.#sessionId,
      update,
    })
  }
}
