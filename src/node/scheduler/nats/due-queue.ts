import { AckPolicy } from '@nats-io/jetstream'
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { ClosedConnectionError, nanos } from '@nats-io/transport-node'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import type { Run } from '../run.ts'
import { dueSubject, namesOf } from './streams.ts'

/** An attempt that is to be made, or that somebody makes: a message that the server hands to one node at a time. */
export interface Token {
  run: string
  /** Counts from 1. */
  attempt: number
  /** Where it is acknowledged. */
  ack: string
}

const bodySchema = z.strictObject({ run: z.string(), attempt: z.int().positive() })

/** Longest wait for an answer of the servers, in ms. */
const ANSWER_MS = 5_000

/** A consumer of a job that nobody has asked for so long is of one that is gone. */
const IDLE_CONSUMER_MS = 86_400_000 * 7

/** Tokens of one job that are looked at in one go: it has two open runs, and what is past. */
const MAX_TOKENS = 8

export interface DueQueueComponents {
  connection: NatsConnection
  client: JetStreamClient
  manager: JetStreamManager
}

/**
 * The runs that are to be claimed, as a work queue: one message an attempt, whoever sends it how often. Who has it
 * says that it is at work; when that is not heard within the life of the lease, another node gets the message.
 */
export class DueQueue {
  readonly #components: DueQueueComponents
  readonly #prefix: string
  readonly #stream: string
  /** What ends the waits for a message. */
  readonly #pulls = new Set<(err: Error) => void>()

  constructor(components: DueQueueComponents, prefix: string) {
    this.#components = components
    // The client forgets such requests when the connection ends.
    void components.connection.closed().then(() => {
      for (const reject of this.#pulls) reject(new ClosedConnectionError())
    })
    this.#prefix = prefix
    this.#stream = namesOf(prefix).due
  }

  /** Sends the token of the next attempt of a run, unless another node did. */
  async offer(run: Run): Promise<void> {
    const attempt = run.attempts + 1
    const body = JSON.stringify({ run: run.run, attempt })
    const subject = dueSubject(this.#prefix, run.job)
    await this.#components.client.publish(subject, body, { msgID: messageId(run, attempt) })
  }

  /** What nobody works on, to this node alone until the life of the lease is over. */
  async take(job: string, ttlMs: number): Promise<Token[]> {
    const { manager } = this.#components
    // Each time: it goes when it was idle for long, and a job's lease may have another length than last time.
    await manager.consumers.add(this.#stream, {
      durable_name: job,
      filter_subject: dueSubject(this.#prefix, job),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ttlMs),
      max_deliver: -1,
      inactive_threshold: nanos(IDLE_CONSUMER_MS),
    })
    const tokens: Token[] = []
    while (tokens.length < MAX_TOKENS) {
      const message = await this.#pull(job)
      // An answer without a message, such as 404, cannot be acknowledged.
      if (message.reply === undefined || message.reply === '') break
      const { attempt, run } = bodySchema.parse(message.json())
      tokens.push({ run, attempt, ack: message.reply })
    }
    return tokens
  }

  /** True when the servers have no token of a job, neither with a node nor without. */
  async isEmpty(job: string): Promise<boolean> {
    const info = await this.#components.manager.consumers.info(this.#stream, job)
    return info.num_pending === 0 && info.num_ack_pending === 0
  }

  /** Says that a token is worked on: its lease has its whole life again. Resolves when the servers have heard it. */
  async working({ ack }: Token): Promise<void> {
    await this.#tell(ack, '+WPI')
  }

  /** Takes a token out of the queue for good. */
  async acknowledge({ ack }: Token): Promise<void> {
    await this.#tell(ack, '+ACK')
  }

  /** Lets others have a token at once. */
  async giveBack({ ack }: Token): Promise<void> {
    await this.#tell(ack, '-NAK')
  }

  /** What `JsMsg.working()` and its like send (NATS ADR-15), as a request, which the servers answer. */
  async #tell(ack: string, what: '+WPI' | '+ACK' | '-NAK'): Promise<void> {
    await this.#components.connection.request(ack, what, { timeout: ANSWER_MS })
  }

  /** One message if there is one now. */
  async #pull(job: string): Promise<Msg> {
    const { connection } = this.#components
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${job}`
    // A message keeps its own subject: by a shared inbox, it could not be told whose answer it is.
    const options = { timeout: ANSWER_MS, noMux: true }
    const body = JSON.stringify({ batch: 1, no_wait: true })
    const { promise, reject, resolve } = Promise.withResolvers<Msg>()
    this.#pulls.add(reject)
    connection.request(subject, body, options).then(resolve, reject)
    try {
      return await promise
    } finally {
      this.#pulls.delete(reject)
    }
  }
}

/**
 * `JOB@TIME` for what a schedule wants: one message a due time, however many nodes see that it is due. What a person
 * wants has no time of its own, and another attempt is another message.
 */
export function messageId({ cause, dueAt, job, run }: Run, attempt: number): string {
  const scheduled = cause === 'schedule' || cause === 'catch-up'
  const id = scheduled ? `${job}@${dueAt}` : `${job}@${dueAt}/${run}`
  return attempt === 1 ? id : `${id}/${attempt}`
}
