/** What every contender is asked, in bytes. */
export const REQUEST_BYTES = 256

/** What every contender answers, in bytes. */
export const REPLY_BYTES = 1024

/** Messages kept in memory and in the call: one request out, one reply back. */
export interface Connection {
  call(body: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/** What a client process keeps from one connection to the next: a secure context, a libp2p node. */
export interface Client {
  /**
   * A connection that shares nothing with an earlier one: no session, no pooled channel. It may
   * still be under way: what is timed is the first answer, which also proves that it is
   * authenticated.
   */
  connect(address: string): Promise<Connection>
  stop(): Promise<void>
}

export interface ClientOptions {
  /** The folder that `serve` was given, and filled. */
  dir: string
  /**
   * Which of the `clients` this is, from 0. Whoever tells clients apart by identity gives each its
   * own: several run at once, in one process or in many.
   */
  index: number
}

export interface ServeOptions {
  /** An empty folder of this contender's own, for certificates, keys and data. */
  dir: string
  /** How many clients there will be. */
  clients: number
}

export interface Serving {
  /** Anything that `connect` understands, in any process of this host. */
  address: string
  /** Whose CPU and memory is part of the price, beside the server's own process. */
  brokerPid?: number
  stop(): Promise<void>
}

/** One way to ask a peer something. `serve` and `client` run in different processes. */
export interface Contender {
  /** What this machine lacks to run it, in words for the reader of the table. */
  lacks?(): string | undefined
  /** Answers every call with `REPLY_BYTES` bytes. */
  serve(options: ServeOptions): Promise<Serving>
  client(options: ClientOptions): Promise<Client>
}
