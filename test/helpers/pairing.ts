import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { createInvite, readInvite } from '../../src/protocol/invite.ts'
import type { Invite } from '../../src/protocol/invite.ts'
import {
  completeRotation,
  draftRotation,
  endorseRotation,
} from '../../src/protocol/key-log-create.ts'
import { createInception, validateKeyLog } from '../../src/protocol/key-log.ts'
import type { HeldKeyLog } from '../../src/protocol/key-log-judge.ts'
import type { PairedPeer } from '../../src/protocol/pairing.ts'
import { inviterRecordOf } from '../../src/protocol/pairing-inviter.ts'
import type { InviterRecord } from '../../src/protocol/pairing-inviter.ts'
import { joinerRecordOf } from '../../src/protocol/pairing-joiner.ts'
import type { JoinerContext, JoinerRecord } from '../../src/protocol/pairing-joiner.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import { sign } from '../../src/protocol/signed.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { seedOf } from './stub-pins.ts'

export const NOW = Date.UTC(2026, 10, 21, 9)
export const EXPIRES = NOW + 3_600_000

/** A node as a pairing sees it: an id, a key log that can grow, and what it holds of others. */
export class PairingNode {
  readonly name: string
  readonly id: string
  readonly held = new Map<string, HeldKeyLog>()
  log: Uint8Array[]
  #keys = 0
  #nonces = 0

  constructor(name: string) {
    this.name = name
    const { id, signedEvent } = createInception({
      seed: this.#seed(),
      nextKey: publicKeyOf(this.#rotationSeed(1)),
      recoveryKey: publicKeyOf(seedOf(`${name}, recovery`)),
      at: NOW,
      nonce: new Uint8Array(16),
    })
    this.id = id
    this.log = [signedEvent]
  }

  get peerId(): string {
    return peerIdOf(publicKeyOf(this.#seed()))
  }

  readonly sign = (kind: Parameters<typeof sign>[0], bytes: Uint8Array): Uint8Array =>
    sign(kind, bytes, this.#seed())

  rotate(): void {
    const seedBefore = this.#seed()
    this.#keys++
    const seed = this.#seed()
    const init = { key: publicKeyOf(seed), why: 'routine', graceSeconds: 0, at: NOW } as const
    const draft = draftRotation(validateKeyLog(this.log), init)
    const endorsed = endorseRotation(draft, {
      rotationSeed: this.#rotationSeed(this.#keys),
      nextRotationKey: publicKeyOf(this.#rotationSeed(this.#keys + 1)),
    })
    this.log = [...this.log, completeRotation(draft, endorsed, { seed, seedBefore })]
  }

  /** What a step at this node takes, on a connection to a node that speaks with the key of `remotePeerId`. */
  context(remotePeerId: string, change: Partial<JoinerContext> = {}): JoinerContext {
    return {
      now: NOW,
      ownId: this.id,
      ownLog: this.log,
      ownPeerId: this.peerId,
      remotePeerId,
      nonce: sha256(seedOf(`${this.name}, nonce ${this.#nonces++}`)).subarray(0, 16),
      heldLog: (id) => this.held.get(id),
      sign: this.sign,
      ownAddresses: [`/dns4/${this.name}.example/tcp/7423`],
      ...change,
    }
  }

  /** Takes note of a peer that is pinned, as a node does. */
  pin({ id, log }: PairedPeer): void {
    this.held.set(id, { events: log, seenAt: log.map(() => NOW) })
  }

  #seed(): Uint8Array {
    return seedOf(this.#keys === 0 ? this.name : `${this.name}, key ${this.#keys}`)
  }

  #rotationSeed(count: number): Uint8Array {
    return seedOf(`${this.name}, rotation ${count}`)
  }
}

/** An invite of this node for a peer `bob`, with its link and the record of it. */
export function invited(
  node: PairingNode,
  change: Partial<Parameters<typeof createInvite>[0]> = {},
): { invite: Invite; link: string; record: InviterRecord } {
  const { link } = createInvite({
    own: validateKeyLog(node.log),
    addresses: ['/dns4/alice.example/tcp/7423'],
    inviteId: seedOf('invite').slice(0, 16),
    secret: seedOf('secret').slice(0, 16),
    expiresAt: EXPIRES,
    grants: ['ping', 'ask'],
    name: 'alice',
    sign: node.sign,
    ...change,
  })
  const invite = readInvite(link, NOW)
  return { invite, link, record: inviterRecordOf(invite, { name: 'bob', now: NOW }) }
}

/** The record of this node when it begins to redeem an invite. */
export function joining(
  node: PairingNode,
  invite: Invite,
  change: Partial<Parameters<typeof joinerRecordOf>[1]> = {},
): JoinerRecord {
  return joinerRecordOf(invite, {
    ownId: node.id,
    name: 'alice',
    allow: ['ping'],
    now: NOW,
    ...change,
  })
}
