import { request } from 'node:http'
import { join } from 'node:path'
import { pino } from 'pino'
import { ROUTES } from '../../src/node/control/api.ts'
import type { AskStreamItem, RouteName } from '../../src/node/control/api.ts'
import { ControlClient } from '../../src/node/control/client.ts'
import type { Handlers } from '../../src/node/control/handlers.ts'
import { ControlServer } from '../../src/node/control/server.ts'
import { LogTap } from './log-tap.ts'
import { tempFolder } from './temp-folder.ts'

export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[]

/** What a route does in a test: gets its checked input, and gives what the client shall see. */
export type StubHandler = (input: unknown, signal: AbortSignal) => unknown

/** A control server on a socket of its own, whose handlers a test makes, and a client to it. */
export class TestControl {
  readonly log = new LogTap()
  readonly socket: string
  readonly client: ControlClient
  /** The input of each call, by the name of its route, in order. */
  readonly calls: [name: RouteName, input: unknown][] = []
  /** What a route does, unless it gives an empty object, or an empty stream. */
  readonly does = new Map<RouteName, StubHandler>()
  server: ControlServer

  constructor(folder: string) {
    this.socket = join(folder, 'control.sock')
    this.client = new ControlClient({ socket: this.socket, home: folder })
    this.server = this.make()
  }

  make(): ControlServer {
    const log = pino({ base: null }, this.log)
    const handlers = Object.fromEntries(
      ROUTE_NAMES.map((name) => [
        name,
        async (input: unknown, signal: AbortSignal) => {
          this.calls.push([name, input])
          const handler = this.does.get(name)
          if (handler !== undefined) return await handler(input, signal)
          return ROUTES[name].stream === true ? stream([]) : {}
        },
      ]),
    ) as unknown as Handlers
    return new ControlServer({ handlers, log }, { socket: this.socket })
  }

  /** What comes back for bytes as a client of any kind may send them. */
  async raw(
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): Promise<{ status: number; text: string; json: unknown }> {
    const { promise, reject, resolve } = Promise.withResolvers<{ status: number; text: string }>()
    const sent = request(
      { socketPath: this.socket, method, path, headers, agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
    const { status, text } = await promise
    return { status, text, json: text.startsWith('{') ? (JSON.parse(text) as unknown) : undefined }
  }
}

/** A control server for each test. Call it in `describe`, its result in tests. */
export function testControls(): () => TestControl {
  const folder = tempFolder()
  let control: TestControl
  beforeEach(async () => {
    control = new TestControl(folder())
    await control.server.start()
  })
  afterEach(() => control.server.stop())
  return () => control
}

/** These items, and then whatever `after` does. */
export async function* stream(
  items: readonly AskStreamItem[],
  after: () => Promise<void> = async () => undefined,
): AsyncGenerator<AskStreamItem> {
  yield* items
  await after()
}
