import { LOBBY_TIMEOUT_MS } from '../../src/protocol/limits.ts'
import { IdleSockets } from './idle-sockets.ts'
import { Outsider, closed } from './outsider.ts'
import { openLobby } from './talk.ts'

/** What a visitor of one kind says in the lobby; it has the key of the test node called `name`. */
export type Kind = [what: string, says: (name: string) => Uint8Array]

/** What one visitor got for its visit. */
export interface Visited {
  what: string
  /** From its dial to the end of its connection, in ms. */
  heldMs: number
  /** That the node has said to it. */
  bytes: number
}

/** A visitor and its idle sockets are gone after 3 s or 5 s: some eight new ones come in a second. */
const AT_ONCE = 24

/** Sockets that each visitor opens beside its own, on which nobody says a word. */
const IDLE_EACH = 3

/** However long a test takes, there are no more visitors than these. */
const MAX_VISITORS = 400

/** Strangers in the lobby of a node, one after the other, each with a key and from a host of its own. */
export class Flood {
  /** Visits that are over. */
  readonly visits: Visited[] = []
  readonly #address: string
  readonly #kinds: readonly Kind[]
  readonly #idle: IdleSockets
  readonly #refused = Promise.withResolvers<undefined>()
  readonly #heard = Promise.withResolvers<undefined>()
  #visitors = 0
  #stopped = false
  #lanes: Promise<void>[] = []

  constructor(address: string, kinds: readonly Kind[]) {
    this.#address = address
    this.#kinds = kinds
    this.#idle = new IdleSockets(Number(address.split('/').at(-1)))
  }

  /** False before it starts, and once no more visitors come. */
  get running(): boolean {
    return this.#lanes.length > 0 && !this.#stopped && this.#visitors < MAX_VISITORS
  }

  /** Visits of those that were let in: a refused one is over at once. */
  get #letIn(): Visited[] {
    return this.visits.filter(wasLetIn)
  }

  /** Resolves when somebody was refused, for want of a place. */
  async start(): Promise<void> {
    this.#lanes = Array.from({ length: AT_ONCE }, () => this.#lane())
    await this.#refused.promise
  }

  /** Resolves when one of each kind was let in and kept for as long as any: a kind that is cut short is not heard. */
  async heard(): Promise<void> {
    await this.#heard.promise
  }

  /** Resolves when the last visitor has left. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#idle.close()
    await Promise.all(this.#lanes)
  }

  async #lane(): Promise<void> {
    do await this.#visit(this.#visitors++)
    while (this.running)
  }

  async #visit(nth: number): Promise<void> {
    const from = `127.1.${nth % 8}.${1 + Math.floor(nth / 8)}`
    const idle = await this.#idle.flood([from], IDLE_EACH)
    const [what, says] = this.#kindOf(nth)
    const name = `stranger ${nth}`
    const stranger = await Outsider.start(name, { from })
    const since = performance.now()
    let bytes = 0
    try {
      const connection = await stranger.dial(this.#address)
      const stream = await openLobby(connection)
      stream.addEventListener('message', ({ data }) => {
        bytes += data.byteLength
      })
      stream.send(says(name))
      await closed(connection)
    } catch {
      // Refused before it could say anything.
    }
    this.#take({ what, heldMs: performance.now() - since, bytes })
    await stranger.stop()
    await Promise.all(idle.map((socket) => this.#idle.closed(socket)))
  }

  #take(visit: Visited): void {
    this.visits.push(visit)
    if (!wasLetIn(visit)) this.#refused.resolve(undefined)
    if (this.#unheard().length === 0) this.#heard.resolve(undefined)
  }

  /** Each kind in its turn, but first those of which nobody was let in yet. */
  #kindOf(nth: number): Kind {
    const unheard = this.#unheard()
    const kinds = unheard.length > 0 ? unheard : this.#kinds
    const kind = kinds[nth % kinds.length]
    if (kind === undefined) throw new TypeError('no kind of visitor')
    return kind
  }

  #unheard(): Kind[] {
    const heard = new Set(this.#letIn.map(({ what }) => what))
    return this.#kinds.filter(([what]) => !heard.has(what))
  }
}

/** Whoever is let in is kept until its time is up; a timer may be some ms early. */
function wasLetIn({ heldMs }: Visited): boolean {
  return heldMs > LOBBY_TIMEOUT_MS - 100
}
