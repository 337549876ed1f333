import type { Logger } from 'pino'
import { KithError } from '../protocol/errors.ts'
import type { EndorsedRotation, RotationDraft } from '../protocol/key-log-create.ts'
import { validateKeyLog } from '../protocol/key-log.ts'
import { MAX_ROTATION_GRACE_SECONDS } from '../protocol/limits.ts'
import type { Announcer } from './announcer.ts'
import type { Clock } from './clock.ts'
import type { Dialer } from './dialer.ts'
import type { Identity, PublicIdentity } from './identity.ts'
import { forkPoint } from './keys/fork-point.ts'
import type { OwnKeys } from './keys/own-keys.ts'
import type { PreparedRecovery, RecoveryInit } from './keys/recover.ts'
import type { PrepareRotationInit } from './keys/rotate.ts'
import type { Mesh } from './mesh.ts'
import type { Self } from './self.ts'

export type RotateInit = Omit<PrepareRotationInit, 'at'>

/** What ends the node: words of its rotation or recovery key, or the rotation key of this host. */
export type RetireInit = { words: string } | { passphrase: string | undefined }

/** A rotation that is done, or that waits for whoever has the rotation key. */
export type RotationOutcome = { state: 'rotated' } | { state: 'waiting'; draft: RotationDraft }

export interface RotationComponents {
  keys: OwnKeys
  self: Self
  announcer: Pick<Announcer, 'announce'>
  mesh: Pick<Mesh, 'rekey'>
  dialer: Pick<Dialer, 'wake'>
  clock: Clock
  log: Logger
}

/**
 * Changes the keys of this node while it runs: announces the longer log under the old key, then listens under the new
 * one. Asks under way are records and not connections: they go on.
 */
export class Rotation {
  readonly #components: RotationComponents
  /** One change at a time. */
  #last: Promise<unknown> = Promise.resolve()
  #recovery: PreparedRecovery | undefined
  #stopping = false
  #cancelDrop: () => void = () => undefined

  constructor(components: RotationComponents) {
    this.#components = components
  }

  /** Erases what has been superseded, now and when the grace of the last key ends. */
  async start(): Promise<void> {
    this.#stopping = false
    await this.#alone(() => this.#drop())
  }

  /** Resolves once no change is under way; none is begun from here on, when others may have the home. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#cancelDrop()
    await this.#last
    // Whatever was under way may have set it.
    this.#cancelDrop()
  }

  /**
   * Rotates, or prepares it where the rotation key is elsewhere.
   *
   * @throws {KithError} as `prepareRotation` and `commitRotation`, with nothing changed; `cannot-listen` when the
   *   keys are changed and the listener could not follow
   */
  async rotate(init: RotateInit): Promise<RotationOutcome> {
    return await this.#alone(async () => {
      const { clock, keys } = this.#components
      const { draft, rotationKey } = await keys.prepareRotation({ ...init, at: clock.now() })
      if (rotationKey === 'off-host') return { state: 'waiting', draft }
      const endorsed = await keys.endorseHere(init.passphrase)
      await this.#follow(await keys.commitRotation(endorsed, init.passphrase))
      return { state: 'rotated' }
    })
  }

  /** The rotation that waits to be endorsed elsewhere, if any. */
  async waiting(): Promise<RotationDraft | undefined> {
    const prepared = await this.#components.keys.preparedRotation()
    return prepared?.rotationKey === 'off-host' ? prepared.draft : undefined
  }

  /** Brings the rotation that waits to its end. @throws {KithError} as `rotate`; `no-rotation` */
  async complete(endorsed: EndorsedRotation, passphrase: string | undefined): Promise<void> {
    await this.#alone(async () => {
      await this.#follow(await this.#components.keys.commitRotation(endorsed, passphrase))
    })
  }

  /**
   * Makes new keys for a recovery. It waits for `commitRecovery`: first its words have to be safe with the owner.
   *
   * @throws {KithError} as `prepareRecovery`, with nothing changed
   */
  async prepareRecovery(
    init: Omit<RecoveryInit, 'at' | 'log'>,
  ): Promise<Pick<PreparedRecovery, 'recoveryWords' | 'rotationWords'>> {
    return await this.#alone(async () => {
      const { clock, keys, self } = this.#components
      const at = clock.now()
      const log = forkPoint(self.events, at)
      this.#recovery = await keys.prepareRecovery({ ...init, log, at })
      const { recoveryWords, rotationWords } = this.#recovery
      return { recoveryWords, ...(rotationWords === undefined ? {} : { rotationWords }) }
    })
  }

  /** Brings the prepared recovery into force. @throws {KithError} `no-rotation`, `rotation-outdated` */
  async commitRecovery(): Promise<void> {
    await this.#alone(async () => {
      const prepared = this.#recovery
      if (prepared === undefined) {
        const what = 'no recovery is prepared, or the node has restarted since'
        throw new KithError('no-rotation', what, { home: '' }, { hint: 'kith key recover' })
      }
      const identity = await this.#components.keys.commitRecovery(prepared)
      this.#recovery = undefined
      await this.#follow(identity)
    })
  }

  /** Ends this node for good, and tells its peers. Whoever calls this stops the node then. */
  async retire(init: RetireInit): Promise<PublicIdentity> {
    return await this.#alone(async () => {
      const { announcer, clock, keys } = this.#components
      const retired = await keys.retire({ ...init, at: clock.now() })
      await announcer.announce({ events: retired.log, state: validateKeyLog(retired.log) })
      await this.#drop()
      return retired
    })
  }

  /** From here on the new keys are in force, on disk. */
  async #follow(identity: Identity): Promise<void> {
    const { announcer, dialer, log, mesh, self } = this.#components
    const state = validateKeyLog(identity.log)
    log.info({ sn: state.sn, why: state.rotated?.why }, 'keys changed')
    // Under the old key, which the peers know: whoever is not here now finds the log in our lobby.
    await announcer.announce({ events: identity.log, state })
    self.follow(identity)
    await mesh.rekey(identity.secret)
    dialer.wake()
    log.info({ key: self.key }, 'listening under the new key')
    await this.#drop()
  }

  async #drop(): Promise<void> {
    const { clock, keys, log } = this.#components
    this.#cancelDrop()
    const again = await keys.dropSuperseded(clock.now()).catch((err: unknown) => {
      log.error({ err }, 'superseded keys could not be erased')
      return undefined
    })
    if (again === undefined) return
    // A clock that was set back makes it longer than a timer takes.
    const waitMs = Math.min(again - clock.now(), MAX_ROTATION_GRACE_SECONDS * 1_000)
    this.#cancelDrop = clock.after(Math.max(1, waitMs), () => {
      void this.#alone(() => this.#drop())
    })
  }

  /** @throws {KithError} `stopping` */
  async #alone<T>(run: () => Promise<T>): Promise<T> {
    if (this.#stopping) throw new KithError('stopping', 'this node is stopping', {})
    const turn = this.#last.then(run)
    this.#last = turn.catch(() => undefined)
    return await turn
  }
}
