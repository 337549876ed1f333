import type { Logger } from 'pino'
import { z } from 'zod'
import { KithError, isFailure } from '../protocol/errors.ts'
import type { EndorsedRotation, RotationDraft } from '../protocol/key-log-create.ts'
import { readRotationRequest, requesterOf } from '../protocol/rotation-request.ts'
import { bytes } from '../protocol/verbs.ts'
import type { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import type { Alerts } from './alerts.ts'
import type { Clock } from './clock.ts'
import type { KnownKeys } from './key-logs.ts'
import type { KeptKeys } from './keys/own-keys.ts'
import type { Peer, Pins } from './pins.ts'

const requestRecord = z.strictObject({
  /** Signed by the node that rotates. */
  request: bytes,
  at: z.int(),
  /** Once the owner has said so. */
  endorsed: z.exactOptional(z.strictObject({ bytes, signature: bytes })),
})

/** A rotation that another node of the owner wants endorsed, signed by its key in force. */
export interface RotationRequest {
  peer: Peer
  request: Uint8Array
  draft: RotationDraft
}

/** One that has come over the mesh. */
export interface TakenRequest extends RotationRequest {
  /** When it came. */
  at: number
  endorsed: EndorsedRotation | undefined
}

export interface RotationRequestsComponents {
  database: Database
  pins: Pick<Pins, 'byId' | 'keysOf' | 'onKeyLogChange'>
  alerts: Pick<Alerts, 'raise'>
  kept: KeptKeys
  clock: Clock
  log: Logger
}

/** Another request of the same node is taken after this long: each is a write to the disk, and a call to its owner. */
const NEXT_REQUEST_MS = 10_000

/**
 * Rotations of other nodes that wait for this one's owner: one a node, the last. A node asks with its key in use, and
 * a thief of that can ask too, so none is endorsed without a person.
 */
export class RotationRequests {
  readonly #components: RotationRequestsComponents
  readonly #rows: Repository<z.infer<typeof requestRecord>>
  /** When the last request of each node was taken: what is on disk is late by a read and a write. */
  readonly #takenAt = new Map<string, number>()
  /** Changes of kept keys. */
  readonly #underWay = new Set<Promise<unknown>>()
  #unlisten: () => void = () => undefined

  constructor(components: RotationRequestsComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'rotation-requests', requestRecord)
  }

  start(): void {
    const { log, pins } = this.#components
    this.#unlisten = pins.onKeyLogChange(({ id = '' }, { after }) => {
      this.#awaited(this.#settle(id, after.held.events)).catch((err: unknown) => {
        log.error({ peer: id, err }, 'kept keys could not be settled')
      })
    })
  }

  /** Resolves once no kept key is being used or erased any more. */
  async stop(): Promise<void> {
    this.#unlisten()
    await Promise.allSettled(this.#underWay)
  }

  /**
   * Takes a request, and gives the endorsement if there is one for this very request.
   *
   * @throws {KithError} `bad-request` for what is no request of this node, or does not follow its log; `rate-limited`
   */
  async take(
    peer: Peer & { id: string },
    request: Uint8Array,
  ): Promise<EndorsedRotation | undefined> {
    const { alerts, clock, database } = this.#components
    if (this.read(request).peer.id !== peer.id) throw unfit('it is of another node')
    const known = await this.#rows.get(peer.id)
    if (known !== undefined && isEqual(known.request, request)) return known.endorsed
    // No `await` from here until it is set: requests that come at once would all be taken.
    const now = clock.now()
    const last = this.#takenAt.get(peer.id) ?? known?.at
    if (last !== undefined) {
      const retryAfterMs = last + NEXT_REQUEST_MS - now
      // More than that is the doing of a clock that was set back.
      if (retryAfterMs > 0 && retryAfterMs <= NEXT_REQUEST_MS) {
        throw new KithError('rate-limited', 'one at a time', { retryAfterMs })
      }
    }
    this.#takenAt.set(peer.id, now)
    await database.write([this.#rows.put(peer.id, { request, at: now })], { durable: true })
    alerts.raise({
      kind: 'rotation-requested',
      peer: peer.pin.name,
      what: `${peer.pin.name} asks for its next key to be endorsed`,
      hint: `ask yourself whether that was you, then: kith key sign ${peer.pin.name}`,
    })
    return undefined
  }

  /** Those that wait, and those that are endorsed and not yet in force. */
  async list(): Promise<TakenRequest[]> {
    const requests: TakenRequest[] = []
    for await (const { at, endorsed, request } of this.#rows.values()) {
      const read = this.#tryRead(request)
      if (read !== undefined) requests.push({ ...read, at, endorsed })
    }
    return requests
  }

  /**
   * What a request wants, whichever way it came.
   *
   * @throws {KithError} `bad-request` for what is none, does not follow the log held here, or is of a node that is
   *   not pinned here or frozen
   */
  read(request: Uint8Array): RotationRequest {
    try {
      const peer = this.#components.pins.byId(requesterOf(request))
      if (peer === undefined) throw unfit('its node is not pinned here')
      if (peer.frozen) throw unfit('two key logs of its node stand against each other')
      const { state } = this.#keysOf(peer)
      if (state.keyInForce === undefined) throw unfit('its node has retired')
      const draft = readRotationRequest(request, state.keyInForce)
      if (draft.sn === state.sn + 1 && isEqual(draft.p, state.head)) return { peer, request, draft }
      throw unfit('it does not follow the key log that is held here')
    } catch (err) {
      throw isFailure(err, 'malformed') ? unfit(err.details.what, err) : err
    }
  }

  /**
   * Endorses this very request. If it has come over the mesh, whoever asked fetches that by itself.
   *
   * @throws {KithError} as `read`; as `endorseKept`
   */
  async endorse(request: Uint8Array, passphrase: string | undefined): Promise<EndorsedRotation> {
    return await this.#awaited(this.#endorse(request, passphrase))
  }

  async #endorse(request: Uint8Array, passphrase: string | undefined): Promise<EndorsedRotation> {
    const { database, kept } = this.#components
    const { draft, peer } = this.read(request)
    const { state } = this.#keysOf(peer)
    const endorsed = await kept.endorse(draft, { state, passphrase })
    const known = await this.#rows.get(state.id)
    if (known !== undefined && isEqual(known.request, request)) {
      await database.write([this.#rows.put(state.id, { ...known, endorsed })], { durable: true })
    }
    return endorsed
  }

  /** Whatever was asked for is in force, or will never be. */
  async #settle(id: string, log: readonly Uint8Array[]): Promise<void> {
    const { database, kept } = this.#components
    await database.write([this.#rows.del(id)], { durable: false })
    await kept.settle(log)
  }

  /** Undefined for one that time has overtaken: a crash may leave it. */
  #tryRead(request: Uint8Array): RotationRequest | undefined {
    try {
      return this.read(request)
    } catch (err) {
      if (isFailure(err, 'bad-request')) return undefined
      throw err
    }
  }

  async #awaited<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    return await work.finally(() => this.#underWay.delete(work))
  }

  #keysOf({ id = '' }: Peer): KnownKeys {
    const known = this.#components.pins.keysOf(id)
    if (known === undefined) throw unfit('its node has not shown its key log here yet')
    return known
  }
}

function unfit(why: string, cause?: unknown): KithError<'bad-request'> {
  const what = `request: ${why}`
  return new KithError('bad-request', `no rotation to endorse: ${why}`, { what }, { cause })
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
