import { pino } from 'pino'
import { createHandlers } from '../../src/node/control/handlers.ts'
import { tcpListener } from '../../src/node/http/tcp-app.ts'
import type { Scope } from '../../src/node/http/principal.ts'
import type { KithNode } from '../../src/node/node.ts'

/** A page of the owner that is logged in: these headers go with each request. */
export type PageHeaders = Record<'cookie' | 'x-kith-page', string>

/** The TCP listener of a node in this process. It need not have started otherwise. */
export class HttpNode {
  readonly node: KithNode
  /** `http://127.0.0.1:PORT`, once somebody has logged in. */
  url = ''

  constructor(node: KithNode) {
    this.node = node
  }

  async start(): Promise<void> {
    const { node } = this
    const handlers = createHandlers(node, { readyAfterMs: () => 7, stop: () => undefined })
    const log = pino({ level: 'silent' })
    await node.http.start(async (door) => tcpListener({ node, handlers, log }, door))
    const { listening } = node.http.state
    if (listening !== undefined) this.url = `http://${listening}`
  }

  async stop(): Promise<void> {
    await this.node.http.stop()
  }

  /** Logs in as `kith dashboard` does it. */
  async login(): Promise<PageHeaders> {
    const link = new URL(await this.node.http.dashboard())
    this.url = link.origin
    const response = await fetch(`${this.url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code: link.hash.replace('#code=', '') }),
    })
    const { page } = (await response.json()) as { page: string }
    const [cookie = ''] = response.headers.get('set-cookie')?.split(';') ?? []
    return { cookie, 'x-kith-page': page }
  }

  /** The header of a new token. */
  async token(scope: Scope, name: string = scope): Promise<{ authorization: string }> {
    const { text } = await this.node.http.tokens.create({ name, scope, preset: 'full' })
    return { authorization: `Bearer ${text}` }
  }
}
