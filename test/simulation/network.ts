import type { Transport, TransportInit } from '../../src/node/transport.ts'
import type { Random } from '../fuzz/random.ts'
import type { Scheduler } from './scheduler.ts'
import type { NetworkHost, SimConnection } from './sim-connection.ts'
import { SimTransport } from './sim-transport.ts'
import { latencyMs } from './wire.ts'

/** Something that a process says on a connection. */
export interface Sent {
  from: NetworkHost
  /** Peer id of the other end. */
  to: string
  /** The other end has made the connection. */
  answers: boolean
  bytes: Uint8Array
}

export interface NetworkComponents {
  scheduler: Scheduler
  random: Random
  /** Hears of bytes that arrived. */
  heard: (host: NetworkHost, bytes: Uint8Array) => void
  /** Hears of bytes that leave. */
  sent: (sent: Sent) => void
}

/** The network between the nodes: who listens where, and who cannot reach whom. */
export class Network {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly heard: NetworkComponents['heard']
  readonly sent: NetworkComponents['sent']
  /** When one machine has last tried to reach another. */
  readonly #knocks = new Map<string, number>()
  readonly #machines = new Map<string, string>()
  readonly #listeners = new Map<string, SimTransport>()
  /** Ends of connections. */
  #ends: SimConnection[] = []
  /** Machines without power. */
  readonly #dark = new Set<string>()
  /** Pairs of machines between which nothing gets through. */
  readonly #parted = new Set<string>()

  constructor({ heard, random, scheduler, sent }: NetworkComponents) {
    this.scheduler = scheduler
    this.random = random
    this.heard = heard
    this.sent = sent
  }

  /** What a process on this host has in the place of libp2p. */
  createTransport(host: NetworkHost): (init: TransportInit) => Promise<Transport> {
    this.#machines.set(host.address, host.name)
    return async (init) => new SimTransport(this, host, init).transport
  }

  listen(transport: SimTransport): void {
    const { address } = transport.host
    if (this.#listeners.has(address)) throw new Error(`EADDRINUSE ${address}`)
    this.#listeners.set(address, transport)
  }

  unlisten(transport: SimTransport): void {
    const { address } = transport.host
    if (this.#listeners.get(address) === transport) this.#listeners.delete(address)
  }

  /** Who answers at this address. */
  knock(from: NetworkHost, address: string): SimTransport | 'silence' | 'refused' {
    const name = this.#machines.get(address)
    if (name !== undefined) this.#knocks.set(`${from.name} ${name}`, this.scheduler.now)
    if (name !== undefined && this.blocked(from.name, name)) return 'silence'
    return this.#listeners.get(address) ?? 'refused'
  }

  /** When `from` has last tried to reach `to`, in ms since the epoch. */
  lastKnock(from: string, to: string): number | undefined {
    return this.#knocks.get(`${from} ${to}`)
  }

  add(end: SimConnection): void {
    this.#ends.push(end)
  }

  /** Whether a machine has a connection with the holder of this key on which it has spoken this protocol. */
  speaks(name: string, key: string, protocol: string): boolean {
    return this.#ends.some(
      (end) => end.host.name === name && end.remotePeer.toString() === key && end.speaks(protocol),
    )
  }

  /** Does something as much later as it takes to cross the network. */
  later(run: () => void): void {
    this.scheduler.after(latencyMs(this.random), run)
  }

  /** True while nothing gets through from one machine to the other. */
  blocked(from: string, to: string): boolean {
    return this.#dark.has(to) || this.#parted.has(pairOf(from, to))
  }

  /** Lets nothing through between these and those. */
  part(these: readonly string[], those: readonly string[]): void {
    for (const a of these) for (const b of those) this.#parted.add(pairOf(a, b))
  }

  /** Lets everything through, also what has waited. */
  heal(): void {
    this.#parted.clear()
    this.#resume()
  }

  /** Ends a connection, which both sides hear of in their own time. */
  breakOne(): void {
    const open = this.#ends.filter(({ status }) => status === 'open')
    if (open.length === 0) return
    const end = this.random.of(open)
    for (const side of [end, end.other]) {
      this.later(() => {
        side?.break()
      })
    }
  }

  /** The end of a process, or of its whole machine, which tells nobody. */
  crash(host: NetworkHost, powerCut: boolean): void {
    for (const end of this.#ends) if (end.host === host && !end.over) end.drop(!powerCut)
    const listener = this.#listeners.get(host.address)
    if (listener?.host === host) this.unlisten(listener)
    if (powerCut) this.#dark.add(host.name)
  }

  /** The machine runs again. */
  powerOn(name: string): void {
    if (this.#dark.delete(name)) this.#resume()
  }

  #resume(): void {
    this.#ends = this.#ends.filter(({ over }) => !over)
    for (const end of this.#ends) end.resume()
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
