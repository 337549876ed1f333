import type { Logger } from 'pino'
import { KithError } from '../../protocol/errors.ts'
import type { RotationDraft } from '../../protocol/key-log-create.ts'
import {
  createRotationRequest,
  endorsementText,
  parseEndorsementText,
  parseRequestText,
  requestText,
} from '../../protocol/rotation-request.ts'
import { keyRequestEnd } from '../../protocol/verbs.ts'
import type { Database } from '../../store/database.ts'
import type { Alerts } from '../alerts.ts'
import { Announcer } from '../announcer.ts'
import type { Caller } from '../caller.ts'
import type { Clock } from '../clock.ts'
import type { Dialer } from '../dialer.ts'
import type { Links } from '../links.ts'
import type { Mesh } from '../mesh.ts'
import type { Peer, Pins } from '../pins.ts'
import { Rotation } from '../rotation.ts'
import { RotationRequests } from '../rotation-requests.ts'
import type { RotationRequest } from '../rotation-requests.ts'
import type { Self } from '../self.ts'
import type { KeptKeys, OwnKeys } from './own-keys.ts'

const REQUEST_TIMEOUT_MS = 10_000

export interface KeyDeskComponents {
  keys: OwnKeys
  kept: KeptKeys
  database: Database
  self: Self
  pins: Pins
  links: Pick<Links, 'get' | 'onChange'>
  caller: Pick<Caller, 'call'>
  mesh: Pick<Mesh, 'rekey'>
  dialer: Pick<Dialer, 'wake'>
  alerts: Pick<Alerts, 'raise'>
  clock: Clock
  log: Logger
}

/** How a rotation stands whose rotation key is on another host. `endorsement` is there once that has signed. */
export interface RequestStanding {
  draft: RotationDraft
  request: string
  endorsement?: string
}

/** What the owner can do with keys: this node's own, and those that are kept here for his other nodes. */
export class KeyDesk {
  readonly announcer: Announcer
  readonly rotation: Rotation
  readonly requests: RotationRequests
  readonly #components: KeyDeskComponents

  constructor(components: KeyDeskComponents) {
    this.#components = components
    this.announcer = new Announcer(components)
    this.rotation = new Rotation({ ...components, announcer: this.announcer })
    this.requests = new RotationRequests(components)
  }

  async start(): Promise<void> {
    this.requests.start()
    await this.announcer.start()
    await this.rotation.start()
  }

  async stop(): Promise<void> {
    await this.rotation.stop()
    this.announcer.stop()
    await this.requests.stop()
  }

  /** Whether the key that rotates this node is on this host. */
  async whereRotationKeyIs(): Promise<'here' | 'off-host'> {
    return await this.#components.keys.whereRotationKeyIs()
  }

  /**
   * The rotation that waits, as a request that says nothing secret; with a peer, that one is asked to endorse it.
   *
   * @throws {KithError} `no-rotation`; what the call has thrown
   */
  async request(via: Peer | undefined, signal: AbortSignal): Promise<RequestStanding> {
    const { caller, self } = this.#components
    const draft = await this.rotation.waiting()
    if (draft === undefined) {
      throw new KithError(
        'no-rotation',
        'no rotation waits for its rotation key',
        { home: '' },
        { hint: 'kith key rotate' },
      )
    }
    const request = createRotationRequest(draft, self.secret)
    const standing = { draft, request: requestText(request) }
    if (via === undefined) return standing
    const options = { deadlineMs: REQUEST_TIMEOUT_MS, signal }
    const end = await caller.call(via, 'key.request', { request }, keyRequestEnd, options)
    return end.state === 'endorsed' ? { ...standing, endorsement: endorsementText(end) } : standing
  }

  /** Brings the rotation that waits into force. @throws {KithError} as `Rotation.complete`; `usage` */
  async complete(endorsement: string, passphrase: string | undefined): Promise<void> {
    await this.rotation.complete(parseEndorsementText(endorsement), passphrase)
  }

  /**
   * What a request, as text, wants of the rotation key kept here.
   *
   * @throws {KithError} `usage`; as `RotationRequests.read`
   */
  inspect(request: string): RotationRequest {
    return this.requests.read(parseRequestText(request))
  }

  /**
   * Endorses this very request, as text: what its owner has looked at, and nothing that came since.
   *
   * @throws {KithError} `usage`; as `RotationRequests.endorse`
   */
  async sign(request: string, passphrase: string | undefined): Promise<string> {
    return endorsementText(await this.requests.endorse(parseRequestText(request), passphrase))
  }

  /**
   * Keeps the rotation key of a peer that is a node of the same owner.
   *
   * @throws {KithError} `wrong-words`, `usage`; `unknown-peer` when it has not shown its log yet
   */
  async keep(peer: Peer, words: string, passphrase: string | undefined): Promise<void> {
    const { kept, pins } = this.#components
    const state = peer.id === undefined ? undefined : pins.keysOf(peer.id)?.state
    if (state === undefined) throw logNotShown(peer)
    await kept.keep(state, words, passphrase)
  }
}

/** The error for a peer of whose keys nothing is known here. */
export function logNotShown({ pin: { name } }: Peer): KithError<'unknown-peer'> {
  const what = `${name} has not shown its key log yet`
  return new KithError('unknown-peer', what, { name }, { hint: `kith ping ${name}` })
}
