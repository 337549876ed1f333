import type { Logger } from 'pino'
import { z } from 'zod'
import { backoffMs } from '../../protocol/backoff.ts'
import { isFailure, toError } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { isOpen } from '../alerts.ts'
import type { Alert, Alerts } from '../alerts.ts'
import type { Clock } from '../clock.ts'
import { postWebhook, webhookBody } from '../scheduler/delivery/webhook.ts'

/** Tries before an alert is given up: with the waits between them about a day. */
const MAX_TRIES = 16

/** As for the results of jobs. */
const TRY_BACKOFF = { baseMs: 5_000, maxMs: 21_600_000 }

const MAX_WHY_CHARS = 200

const time = z.int().nonnegative()

const sendingSchema = z.strictObject({
  /** `dead`: it will not arrive. */
  state: z.enum(['waiting', 'done', 'dead']),
  tries: time,
  /** When the next try is due, in ms since the epoch. */
  nextAt: z.exactOptional(time),
  /** Why the last try failed. */
  why: z.exactOptional(z.string()),
})

/** How far an alert has got on its way to the owner's webhook. */
export type Sending = z.infer<typeof sendingSchema>

export interface AlertSenderComponents {
  readonly alerts: Pick<Alerts, 'list' | 'onRaise'>
  readonly clock: Clock
  readonly log: Logger
  /** Node id, for a sink that hears of several. */
  readonly self: { readonly id: string }
}

export interface AlertSenderInit {
  database: Database
  /** In [0, 1). */
  random: () => number
  /** Where alerts go; without a URL, nowhere. */
  sink: { webhook?: string; secret?: string }
}

/**
 * Posts each new alert to the owner's webhook, one after the other, again and again with longer waits, over restarts. One
 * that is acknowledged before it has arrived is no longer sent. Only the clock and log of `components` are there before
 * the start.
 */
export class AlertSender {
  readonly #components: AlertSenderComponents
  readonly #init: AlertSenderInit
  readonly #rows: Repository<Sending>
  readonly #madeAt: number
  #sendings = new Map<string, Sending>()
  #stopping = new AbortController()
  #waker = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #unlisten: () => void = () => undefined

  constructor(components: AlertSenderComponents, init: AlertSenderInit) {
    this.#components = components
    this.#init = init
    this.#madeAt = components.clock.now()
    this.#rows = new Repository(init.database, 'alert-sendings', sendingSchema)
  }

  /** Reads what is on disk. Comes after the alerts. */
  async start(): Promise<void> {
    this.#sendings = new Map(await Array.fromAsync(this.#rows.entries()))
    this.#stopping = new AbortController()
    const { webhook } = this.#init.sink
    if (webhook === undefined) return
    const { alerts } = this.#components
    // Those that came up while other parts started.
    for (const { at, id } of alerts.list()) {
      if (at >= this.#madeAt && !this.#sendings.has(id)) this.#take(id)
    }
    this.#unlisten = alerts.onRaise(({ id }) => {
      this.#take(id)
      this.#waker.abort()
    })
    this.#running = this.#run(webhook, this.#stopping.signal)
  }

  /** Resolves when no try is under way. What was cut short is tried again after the next start. */
  async stop(): Promise<void> {
    this.#unlisten()
    this.#stopping.abort()
    await this.#running
  }

  /** How far this alert has got; undefined when it was raised while there was no webhook. */
  of(alert: string): Sending | undefined {
    return this.#sendings.get(alert)
  }

  #take(alert: string): void {
    const { clock, log } = this.#components
    this.#put(alert, { state: 'waiting', tries: 0, nextAt: clock.now() }).catch((err: unknown) => {
      log.error({ err, alert }, 'the way of an alert could not be stored')
    })
  }

  async #run(webhook: string, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#components
    while (!signal.aborted) {
      this.#waker = new AbortController()
      try {
        await this.#forget()
        const due = this.#next()
        if (due !== undefined && due.at <= clock.now()) {
          await this.#try(webhook, due.alert, due.sending, signal)
          continue
        }
        const waitMs = due === undefined ? TRY_BACKOFF.maxMs : due.at - clock.now()
        await clock.sleep(waitMs, AbortSignal.any([signal, this.#waker.signal]))
      } catch (err) {
        log.error({ err }, 'the way of an alert could not be stored')
        await clock.sleep(TRY_BACKOFF.baseMs, signal)
      }
    }
  }

  /** The open alert whose next try is due first. */
  #next(): { alert: Alert; sending: Sending; at: number } | undefined {
    const waiting = this.#components.alerts.list().flatMap((alert) => {
      const sending = this.#sendings.get(alert.id)
      if (sending?.state !== 'waiting' || !isOpen(alert)) return []
      return [{ alert, sending, at: sending.nextAt ?? 0 }]
    })
    return waiting.toSorted((a, b) => a.at - b.at)[0]
  }

  async #try(url: string, alert: Alert, before: Sending, signal: AbortSignal): Promise<void> {
    const { clock, log, self } = this.#components
    const { secret } = this.#init.sink
    const { at, hint, id, kind, peer, what } = alert
    const tries = before.tries + 1
    const data = {
      alert: id,
      node: self.id,
      kind,
      ...(peer === undefined ? {} : { peer }),
      what,
      hint,
    }
    const body = webhookBody('alert.raised', at, data)
    try {
      await postWebhook({ clock }, { url, id, body, secret }, signal)
      await this.#put(id, { state: 'done', tries })
      log.info({ alert: id, tries }, 'an alert has arrived')
    } catch (err) {
      if (signal.aborted) return
      await this.#put(id, this.#afterFailure(tries, err))
      log.warn({ alert: id, tries, why: toError(err).message }, 'an alert could not be delivered')
    }
  }

  #afterFailure(tries: number, err: unknown): Sending {
    const { clock } = this.#components
    const why = singleLine(toError(err).message, MAX_WHY_CHARS)
    // What is forbidden stays so, however often it is tried.
    if (tries >= MAX_TRIES || isFailure(err, 'denied')) return { state: 'dead', tries, why }
    const nextAt = clock.now() + backoffMs(tries, this.#init.random(), TRY_BACKOFF)
    return { state: 'waiting', tries, nextAt, why }
  }

  async #put(alert: string, sending: Sending): Promise<void> {
    this.#sendings.set(alert, sending)
    await this.#init.database.write([this.#rows.put(alert, sending)], { durable: false })
  }

  /** Drops what belongs to no alert that is kept: their number bounds ours. */
  async #forget(): Promise<void> {
    const kept = new Set(this.#components.alerts.list().map(({ id }) => id))
    const gone = [...this.#sendings.keys()].filter((id) => !kept.has(id))
    for (const id of gone) this.#sendings.delete(id)
    if (gone.length === 0) return
    await this.#init.database.write(
      gone.map((id) => this.#rows.del(id)),
      { durable: false },
    )
  }
}
