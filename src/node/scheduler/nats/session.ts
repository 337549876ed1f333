import {
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
} from '@nats-io/jetstream'
import type { JetStreamClient } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import type { KV, KvWatchEntry } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { readLogin } from './credentials.ts'
import { DueQueue } from './due-queue.ts'
import type { NatsConfig } from './nats-config.ts'
import { ensureStreams, keySubject, namesOf } from './streams.ts'

/** Longest wait for a server to answer, in ms. */
const CONNECT_MS = 5_000

/** A server that says nothing for three of these, in ms, is gone. */
const PING_MS = 5_000

/** A value as the servers have it. `revision` grows with each change of its bucket; 0 is none yet. */
export interface Entry {
  key: string
  text: string
  revision: number
}

/** Which bucket. */
export type Bucket = 'jobs' | 'runs'

/** One connection to the servers, with all that is done over it. It ends with the connection, and another takes its place. */
export class Session {
  readonly queue: DueQueue
  /** Resolves when the connection has ended. */
  readonly ended: Promise<unknown>
  readonly #connection: NatsConnection
  readonly #client: JetStreamClient
  readonly #buckets: Record<Bucket, KV>
  readonly #names: Record<Bucket, string>

  private constructor(
    connection: NatsConnection,
    client: JetStreamClient,
    queue: DueQueue,
    buckets: Record<Bucket, KV>,
    names: Record<Bucket, string>,
  ) {
    this.#connection = connection
    this.#client = client
    this.queue = queue
    this.#buckets = buckets
    this.#names = names
    this.ended = connection.closed()
  }

  /** Connects, and makes what is missing on the servers. @throws whatever keeps it from that */
  static async open(config: NatsConfig, name: string, env: NodeJS.ProcessEnv): Promise<Session> {
    const { prefix, replicas } = config
    const connection = await connect(await connectionOptions(config, name, env))
    try {
      const manager = await jetstreamManager(connection)
      await ensureStreams(manager, prefix, replicas)
      const client = jetstream(connection)
      const names = namesOf(prefix)
      const kvm = new Kvm(client)
      const buckets = {
        jobs: await kvm.open(names.jobs, { allow_direct: false }),
        runs: await kvm.open(names.runs, { allow_direct: false }),
      }
      const queue = new DueQueue({ connection, client, manager }, prefix)
      return new Session(connection, client, queue, buckets, names)
    } catch (err) {
      await connection.close()
      throw err
    }
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  /** A value as the leader of the servers has it: the empty text for one that was deleted. */
  async get(bucket: Bucket, key: string): Promise<Entry | undefined> {
    const entry = await this.#buckets[bucket].get(key)
    if (entry === null) return undefined
    const text = entry.operation === 'PUT' ? entry.string() : ''
    return { key, text, revision: entry.revision }
  }

  /**
   * Stores a value over the one of `revision`, and returns its own revision; undefined when there is another by now.
   * With the same `id`, a write may be sent again that was cut off: it is done once.
   */
  async put(
    bucket: Bucket,
    { key, revision, text }: Entry,
    id?: string,
  ): Promise<number | undefined> {
    try {
      const { seq } = await this.#client.publish(keySubject(this.#names[bucket], key), text, {
        ...(id === undefined ? {} : { msgID: id }),
        expect: { lastSubjectSequence: revision },
      })
      return seq
    } catch (err) {
      const { StreamWrongLastSequence } = JetStreamApiCodes
      if (err instanceof JetStreamApiError && err.code === StreamWrongLastSequence) return undefined
      throw err
    }
  }

  /**
   * Hands on what a bucket has from `revision` on, and each change, in their order, until the session ends. Resolves
   * when what there was at first has been handed on: what comes then is `live`.
   */
  async watch(
    bucket: Bucket,
    revision: number,
    onEntry: (entry: Entry, live: boolean) => void,
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const status = await this.#buckets[bucket].status()
    const last = status.streamInfo.state.last_seq
    if (status.values === 0 || last < revision) resolve(undefined)
    const start = revision > 0 ? { resumeFromRevision: revision } : {}
    const entries = await this.#buckets[bucket].watch(start)
    const handing = this.#hand(entries, (entry) => {
      const { key, operation } = entry
      if (operation === 'PUT') {
        onEntry({ key, text: entry.string(), revision: entry.revision }, entry.revision > last)
      }
      if (entry.revision >= last) resolve(undefined)
    })
    // A watch that ends has missed something from then on.
    void Promise.allSettled([handing])
      .then(() => this.close())
      .catch(() => undefined)
    await Promise.race([promise, this.ended])
  }

  /** Which making of a bucket it is: one that was deleted and made anew counts from the start again. */
  async birth(bucket: Bucket): Promise<string> {
    return (await this.#buckets[bucket].status()).streamInfo.created
  }

  async #hand(
    entries: AsyncIterable<KvWatchEntry>,
    onEntry: (entry: KvWatchEntry) => void,
  ): Promise<void> {
    for await (const entry of entries) onEntry(entry)
  }
}

async function connectionOptions(
  { credentials, servers, tls }: NatsConfig,
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<NodeConnectionOptions> {
  const authenticator = await readLogin(credentials, env)
  const { ca, cert, key } = tls
  const files = {
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
  }
  const secure = servers.some((server) => server.startsWith('tls://'))
  return {
    servers,
    name,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    // Another session takes the place of one that has ended: what is known is then read anew.
    reconnect: false,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(secure ? { tls: files } : {}),
  }
}
