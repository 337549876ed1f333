import { KithError } from '../../protocol/errors.ts'
import { createInvite, INVITE_ID_BYTES, INVITE_SECRET_BYTES } from '../../protocol/invite.ts'
import { claimedId, pinDue, pinned } from '../../protocol/pairing.ts'
import type { PairingEffect, PairingStep } from '../../protocol/pairing.ts'
import {
  inviterRecord,
  inviterRecordOf,
  inviteStatus,
  revokeInvite,
  stepInviter,
} from '../../protocol/pairing-inviter.ts'
import type { InviterRecord, InviteStatus } from '../../protocol/pairing-inviter.ts'
import { readPairingMessage } from '../../protocol/pairing-messages.ts'
import type { PairingMessage } from '../../protocol/pairing-messages.ts'
import type { GrantName } from '../../protocol/pin.ts'
import { sign } from '../../protocol/signed.ts'
import { Repository } from '../../store/repository.ts'
import type { LobbyMessage, LobbyTalk, Visitor } from '../lobby-talk.ts'
import {
  inviteKey,
  MAX_PAIRINGS,
  PAIRING_KEPT_MS,
  PAIRING_SWEEP_MS,
  pairingContext,
} from './pairing-parts.ts'
import type { PairingInit, PairingParts } from './pairing-parts.ts'
import { pinPaired } from './pinning.ts'

/** Messages of a visitor that can be of use in one visit: `propose` and `commit`. */
const MAX_MESSAGES = 2

export interface InviteInit {
  /** Our name for who redeems it. */
  name: string
  allow: readonly GrantName[]
  ttlMs: number
  /** @default where this node can be reached */
  addresses?: readonly string[]
}

/** What there is to say of an invite. Not its link, and not its secret. */
export interface InviteStanding {
  invite: string
  /** The name it was made for. */
  name: string
  allow: GrantName[]
  at: number
  expiresAt: number
  state: InviteStatus
  /** Node id of who redeemed it, when, and the words to compare. */
  used?: { by: string; at: number; words: string[] }
}

/** The invites of this node, and the side of a pairing that made the invite. All is on disk before it is answered. */
export class Inviter {
  readonly #parts: PairingParts
  readonly #init: PairingInit
  readonly #rows: Repository<InviterRecord>
  /** By `inviteKey`. */
  readonly #records = new Map<string, InviterRecord>()
  /** One message after the other, so that of two visitors at once only one gets an invite. */
  #last: Promise<unknown> = Promise.resolve()
  #stop: () => void = () => undefined

  constructor(parts: PairingParts, init: PairingInit) {
    this.#parts = parts
    this.#init = init
    this.#rows = new Repository(parts.database, 'invites', inviterRecord)
  }

  /** Reads what is on disk, and pins who was to be pinned when the last process ended. */
  async start(): Promise<void> {
    const { clock, log } = this.#parts
    for await (const [key, record] of this.#rows.entries()) this.#records.set(key, record)
    await this.#sweep()
    for (const [key, record] of this.#records) {
      // A peers.yaml that takes no edit now is no reason not to start; the joiner comes again.
      await this.#settle(key, pinDue(record)).catch((err: unknown) => {
        log.error({ err }, 'a paired node could not be pinned')
      })
    }
    this.#stop = clock.every(PAIRING_SWEEP_MS, () => {
      this.#sweep().catch((err: unknown) => {
        log.error({ err }, 'old invites could not be removed')
      })
    })
  }

  async stop(): Promise<void> {
    this.#stop()
    await this.#last
  }

  /** True while somebody who is not pinned may redeem an invite, or has and could not be pinned. */
  get wanted(): boolean {
    const now = this.#parts.clock.now()
    return [...this.#records.values()].some((record) => {
      return isOpen(inviteStatus(record, now)) || pinDue(record).length > 0
    })
  }

  /** All that are kept, the oldest first. */
  list(): InviteStanding[] {
    const now = this.#parts.clock.now()
    return [...this.#records.values()]
      .map((record) => standingOf(record, now))
      .sort((a, b) => a.at - b.at)
  }

  /**
   * A new invite, and the link that carries its secret: on disk before it is shown, and in no other place.
   *
   * @throws {KithError} `lobby-off`, `exists`, `list-full`, `usage`
   */
  async create({ addresses, allow, name, ttlMs }: InviteInit): Promise<{
    standing: InviteStanding
    link: string
  }> {
    const { clock, randomBytes, self } = this.#parts
    this.#assertUsable(name)
    const now = clock.now()
    const { name: ownName } = this.#init
    const { invite, link } = createInvite({
      own: self.state,
      addresses: addresses ?? this.#init.addresses(),
      inviteId: randomBytes(INVITE_ID_BYTES),
      secret: randomBytes(INVITE_SECRET_BYTES),
      expiresAt: now + ttlMs,
      grants: allow,
      ...(ownName === undefined ? {} : { name: ownName }),
      sign: (kind, bytes) => sign(kind, bytes, self.secret),
    })
    const record = inviterRecordOf(invite, { name, now })
    await this.#store(inviteKey(invite.invite), record)
    return { standing: standingOf(record, now), link }
  }

  /** Takes an invite back; undefined when there is none. One that is used stays so. */
  async revoke(invite: string): Promise<InviteStanding | undefined> {
    return await this.#alone(async () => {
      const record = this.#records.get(invite)
      if (record === undefined) return undefined
      const revoked = revokeInvite(record)
      await this.#store(invite, revoked)
      return standingOf(revoked, this.#parts.clock.now())
    })
  }

  /** A visitor of the lobby that proposes or commits. Whatever is wrong is met with silence. */
  readonly serve: LobbyTalk = async (first, wire, visitor) => {
    let message: LobbyMessage = first
    for (let left = MAX_MESSAGES; ; left--) {
      const heard = readPairingMessage(message)
      const reply = await this.#alone(() => this.#answer(heard, visitor))
      if (reply === undefined) return
      await wire.write(reply)
      if (reply.t === 'done' || left === 1) return
      message = await wire.read()
    }
  }

  async #answer(message: PairingMessage, visitor: Visitor): Promise<PairingMessage | undefined> {
    const { self } = this.#parts
    const key = inviteKey(message.invite)
    const record = this.#records.get(key)
    // A connection that was made under the key before proves nothing of the one in use.
    if (record === undefined || visitor.ownKey !== self.key) return undefined
    if (this.#isBlocked(record, message)) return undefined
    const step = stepInviter(record, message, pairingContext(this.#parts, visitor.key))
    const next = isLocal(visitor.address) ? step.record : withoutLocalAddresses(step.record)
    if (step.record !== record) await this.#store(key, next)
    await this.#settle(key, step.effects)
    if (!this.#isStale(step)) return step.reply
    this.#parts.log.debug({ invite: key, why: 'unpinned' }, 'message of a pairing refused')
    return undefined
  }

  /** A last answer to a node that was paired and has been unpinned since: it would make half a pairing. */
  #isStale({ record: { state }, reply }: PairingStep<InviterRecord>): boolean {
    if (reply?.t !== 'done' || state.is !== 'paired') return false
    return this.#parts.pins.byId(state.joiner) === undefined
  }

  #isBlocked({ state }: InviterRecord, message: PairingMessage): boolean {
    const { strangers } = this.#parts
    const began = state.is === 'pending' ? state.session.joiner : undefined
    const joiner = state.is === 'paired' ? state.joiner : began
    const ids = [joiner, message.t === 'propose' ? claimedId(message.log) : undefined]
    return ids.some((id) => id !== undefined && strangers.blocks(id))
  }

  async #settle(key: string, effects: readonly PairingEffect[]): Promise<void> {
    const { alerts, log } = this.#parts
    for (const effect of effects) {
      if (effect.kind === 'failed') {
        log.debug({ why: effect.why }, 'message of a pairing refused')
      } else if (effect.kind === 'alert') {
        alerts.raise(this.#alertOf(key, effect))
      } else {
        const peer = await pinPaired(this.#parts, effect.peer)
        const record = this.#records.get(key)
        if (record !== undefined) await this.#store(key, pinned(record))
        log.info({ peer, id: effect.peer.id }, 'invite redeemed')
      }
    }
  }

  #alertOf(key: string, effect: Extract<PairingEffect, { kind: 'alert' }>) {
    const record = this.#records.get(key)
    const name = record?.name ?? key
    if (effect.alert === 'invite-burned') {
      const what = `the invite for ${name} was tried with wrong secrets, and is of no more use`
      return { kind: effect.alert, what, hint: `kith invite ${name}` }
    }
    const { by } = effect
    const used = record?.state.is === 'paired'
    const what = `${by} has the link of the invite for ${name} too, which another node ${used ? 'has used' : 'is using'}`
    const hint = used
      ? `compare the words: kith invites list; if they differ: kith peers remove ${name}`
      : `kith invites revoke ${name}`
    return { kind: effect.alert, peer: by, what, hint }
  }

  #assertUsable(name: string): void {
    const { pins } = this.#parts
    if (!this.#init.lobby) {
      const what = 'nobody could redeem an invite: the lobby is off in config.yaml'
      const hint = 'take lobby: { mode: off } out of config.yaml, and restart; or kith peers add'
      throw new KithError('lobby-off', what, {}, { hint })
    }
    if (pins.byName(name) !== undefined) {
      const what = `a peer is named ${name} already`
      throw new KithError('exists', what, { what: `peer ${name}` }, { hint: 'kith peers list' })
    }
    const open = this.list().filter(({ state }) => isOpen(state))
    if (open.some((other) => other.name === name)) {
      const what = `an invite for ${name} is open already`
      const hint = `kith invites revoke ${name}`
      throw new KithError('exists', what, { what: `invite for ${name}` }, { hint })
    }
    if (this.#records.size >= MAX_PAIRINGS) {
      const what = `${MAX_PAIRINGS} invites are kept already`
      const hint = 'wait: they are forgotten 30 days after they expire'
      throw new KithError('list-full', what, { limit: MAX_PAIRINGS }, { hint })
    }
  }

  async #store(key: string, record: InviterRecord): Promise<void> {
    await this.#parts.database.write([this.#rows.put(key, record)], { durable: true })
    this.#records.set(key, record)
  }

  async #sweep(): Promise<void> {
    const { clock, database } = this.#parts
    const old = [...this.#records].filter(([, record]) => {
      return record.exp + PAIRING_KEPT_MS <= clock.now() && pinDue(record).length === 0
    })
    if (old.length === 0) return
    for (const [key] of old) this.#records.delete(key)
    await database.write(
      old.map(([key]) => this.#rows.del(key)),
      { durable: false },
    )
  }

  async #alone<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run)
    this.#last = turn.catch(() => undefined)
    return await turn
  }
}

/** True for an invite that can be redeemed. */
export function isOpen(state: InviteStatus): boolean {
  return state === 'open' || state === 'pending'
}

/** What a node elsewhere calls its address must not lead into this host. */
function withoutLocalAddresses(record: InviterRecord): InviterRecord {
  const { state } = record
  if (state.is !== 'pending') return record
  const addresses = state.session.addresses.filter((address) => !isLocal(address))
  return { ...record, state: { ...state, session: { ...state.session, addresses } } }
}

function isLocal(address: string): boolean {
  return /^\/(unix|ip4\/127\.|ip6\/::1\/|dns[46]?\/localhost\/)/.test(address)
}

function standingOf(record: InviterRecord, now: number): InviteStanding {
  const { at, exp, grants, invite, name, state } = record
  const used =
    state.is === 'paired'
      ? { used: { by: state.joiner, at: state.pairedAt, words: state.words } }
      : {}
  const about = { invite: inviteKey(invite), name, allow: grants, at, expiresAt: exp }
  return { ...about, state: inviteStatus(record, now), ...used }
}
