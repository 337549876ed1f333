import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Child } from './child.ts'
import {
  done,
  firstConnect,
  loadFigures,
  reconnected,
  served,
  serverUsage,
  type ClientRequest,
  type FirstConnect,
  type LoadFigures,
  type ServerRequest,
  type ServerUsage,
} from './messages.ts'

/** How long a child may take for anything, on top of what it is told to take, in ms. */
const PATIENCE_MS = 15_000

/** What one closed loop cost on all sides. */
export interface PairLoad {
  client: LoadFigures
  serverCpuMicros: number
  brokerCpuMicros: number | undefined
}

export interface PairOptions {
  /** Name in the table of contenders. */
  contender: string
  /** Where the contender gets a folder of its own. */
  dir: string
  /** Clients in the client process. */
  clients: number
}

/** One contender's two processes, client and server. */
export class Pair {
  readonly contender: string
  readonly #dir: string
  readonly #clients: number
  readonly #address: string
  readonly #server: Child<ServerRequest>
  readonly #client: Child<ClientRequest>

  private constructor(
    { contender, dir, clients }: PairOptions,
    address: string,
    server: Child<ServerRequest>,
    client: Child<ClientRequest>,
  ) {
    this.contender = contender
    this.#dir = dir
    this.#clients = clients
    this.#address = address
    this.#server = server
    this.#client = client
  }

  /** Two processes that are ready for a load, or what the machine lacks for them. */
  static async start(options: PairOptions): Promise<Pair | { lacks: string }> {
    const { contender, clients } = options
    const dir = join(options.dir, contender)
    await mkdir(dir)
    const server = forkServer()
    const client = forkClient()
    try {
      // One client more, for the fresh processes.
      const serve = { kind: 'serve', contender, dir, clients: clients + 1 } as const
      const answer = await server.request(serve, served, PATIENCE_MS)
      if ('lacks' in answer) {
        await Promise.all([client.stop(), server.stop()])
        return answer
      }
      const { address } = answer
      const start = { kind: 'start', contender, dir, address, clients } as const
      await client.request(start, done, PATIENCE_MS + clients * 50)
      return new Pair({ ...options, dir }, address, server, client)
    } catch (err) {
      await Promise.all([client.stop(), server.stop()])
      throw err
    }
  }

  /** Connects every client, or closes what they have. */
  async connect(kind: 'open' | 'close', timeoutMs: number = PATIENCE_MS): Promise<void> {
    await this.#client.request({ kind }, done, timeoutMs)
  }

  /** One loop for `warmUpMs` that is forgotten and one for `ms` that counts. */
  async load(inFlight: number, warmUpMs: number, ms: number): Promise<PairLoad> {
    await this.#loop(inFlight, warmUpMs)
    const before = await this.usage()
    const client = await this.#loop(inFlight, ms)
    const after = await this.usage()
    return {
      client,
      serverCpuMicros: after.own.cpuMicros - before.own.cpuMicros,
      brokerCpuMicros:
        before.broker && after.broker && after.broker.cpuMicros - before.broker.cpuMicros,
    }
  }

  /** What the server and its broker have used so far. */
  usage(collectGarbage = false): Promise<ServerUsage> {
    return this.#server.request({ kind: 'usage', collectGarbage }, serverUsage, PATIENCE_MS)
  }

  /** The median time in ms of `times` connects of the client process, one after another. */
  async reconnectMs(times: number): Promise<number> {
    const request = { kind: 'reconnect', times } as const
    return (await this.#client.request(request, reconnected, PATIENCE_MS)).p50Ms
  }

  /** The first connect of a process that is made for it. */
  async firstConnect(): Promise<FirstConnect> {
    const script = new URL('./fresh-client.ts', import.meta.url)
    const fresh = Child.fork<never>(script, {
      side: 'client',
      // Its own identity: the one after those of the client process.
      args: [this.contender, this.#dir, String(this.#clients), this.#address],
    })
    try {
      return await fresh.reply(firstConnect, PATIENCE_MS)
    } finally {
      await fresh.stop()
    }
  }

  /** Resolves once both processes have ended, whatever state they were in. */
  async stop(): Promise<void> {
    for (const child of [this.#client, this.#server]) {
      // A process that cannot stop in order is killed for it.
      await child.request({ kind: 'stop' }, done, PATIENCE_MS).catch(() => undefined)
      await child.stop()
    }
  }

  #loop(inFlight: number, ms: number): Promise<LoadFigures> {
    return this.#client.request({ kind: 'load', inFlight, ms }, loadFigures, ms + PATIENCE_MS)
  }
}

function forkServer(): Child<ServerRequest> {
  return Child.fork(new URL('./server-process.ts', import.meta.url), {
    side: 'server',
    nodeFlags: ['--expose-gc'],
  })
}

function forkClient(): Child<ClientRequest> {
  return Child.fork(new URL('./client-process.ts', import.meta.url), { side: 'client' })
}
