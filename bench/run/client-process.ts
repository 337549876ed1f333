import { REQUEST_BYTES, type Client, type Connection } from '../contenders/contender.ts'
import { loadContender } from '../contenders/table.ts'
import { answerParent } from './answer.ts'
import { closedLoop, connectOnce } from './load.ts'
import {
  clientRequest,
  type ClientRequest,
  type Done,
  type LoadFigures,
  type Reconnected,
} from './messages.ts'
import { median } from './statistics.ts'

type StartRequest = Extract<ClientRequest, { kind: 'start' }>

const DONE: Done = { done: true }

/** Connects of one request take no longer than this: fewer of a slow contender say as much. */
const RECONNECTS_MS = 3_000

/** One contender's clients in a process of their own, each with at most one connection. */
class ClientProcess {
  readonly #body = new Uint8Array(REQUEST_BYTES)
  #address = ''
  #clients: Client[] = []
  #connections: Connection[] = []

  async handle(request: ClientRequest): Promise<Done | LoadFigures | Reconnected> {
    switch (request.kind) {
      case 'start':
        return this.#start(request)
      case 'open':
        return this.#open()
      case 'load':
        return closedLoop(this.#firstConnection(), this.#body, request.inFlight, request.ms)
      case 'close':
        return this.#close()
      case 'reconnect':
        return this.#reconnect(request.times)
      case 'stop':
        await this.#close()
        await Promise.all(this.#clients.splice(0).map((client) => client.stop()))
        return DONE
    }
  }

  async #start({ contender: name, dir, address, clients }: StartRequest): Promise<Done> {
    const contender = await loadContender(name)
    this.#address = address
    for (let index = 0; index < clients; index++) {
      this.#clients.push(await contender.client({ dir, index }))
    }
    return DONE
  }

  /** Gives every client a connection that has been answered once. */
  async #open(): Promise<Done> {
    for (const client of this.#clients) {
      const connection = await client.connect(this.#address)
      this.#connections.push(connection)
      await connection.call(this.#body)
    }
    return DONE
  }

  async #close(): Promise<Done> {
    await Promise.all(this.#connections.splice(0).map((connection) => connection.close()))
    return DONE
  }

  async #reconnect(times: number): Promise<Reconnected> {
    const [client] = this.#clients
    if (client === undefined) throw new TypeError('reconnect before start')
    const tries: number[] = []
    const endAt = performance.now() + RECONNECTS_MS
    for (let n = 0; n < times && performance.now() < endAt; n++) {
      tries.push(await connectOnce(client, this.#address, this.#body))
    }
    return { p50Ms: median(tries) ?? NaN }
  }

  #firstConnection(): Connection {
    const [connection] = this.#connections
    if (connection === undefined) throw new TypeError('load before open')
    return connection
  }
}

const client = new ClientProcess()
answerParent(async (message) => client.handle(clientRequest.parse(message)))
