import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decode, encode } from '../../src/protocol/cbor.ts'
import { MAX_WRONG_SECRETS, PAIRING_FINISH_MS } from '../../src/protocol/limits.ts'
import { readPairingMessage } from '../../src/protocol/pairing-messages.ts'
import type { PairingMessage } from '../../src/protocol/pairing-messages.ts'
import {
  inviteStatus,
  inviterRecord,
  revokeInvite,
  stepInviter,
} from '../../src/protocol/pairing-inviter.ts'
import type { InviterRecord, InviteStatus } from '../../src/protocol/pairing-inviter.ts'
import { joinerOpening, joinerRecord, stepJoiner } from '../../src/protocol/pairing-joiner.ts'
import type { JoinerRecord } from '../../src/protocol/pairing-joiner.ts'
import { pinDue, pinned } from '../../src/protocol/pairing.ts'
import type { PairedPeer, PairingStep } from '../../src/protocol/pairing.ts'
import { EXPIRES, NOW, PairingNode, invited, joining } from '../helpers/pairing.ts'

/** A visit that ends after so many of its parts, each of which a crash or a loss may follow. */
type Act =
  | { do: 'visit'; joiner: number; parts: number }
  /** A message that was sent before reaches the inviter, or a joiner, on a connection of this joiner. */
  | { do: 'replay'; joiner: number; message: number }
  | { do: 'rotate'; node: number }
  | { do: 'wait'; ms: number }
  | { do: 'revoke' }

/** Opening and store, then four messages of at most step, effects and store each. */
const PARTS_OF_VISIT = 16
const joinerOfTwo = fc.nat({ max: 1 })

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('visit' as const),
      joiner: joinerOfTwo,
      parts: fc.nat({ max: PARTS_OF_VISIT }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('replay' as const),
      joiner: joinerOfTwo,
      message: fc.nat(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('rotate' as const), node: fc.nat({ max: 2 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, EXPIRES - NOW, PAIRING_FINISH_MS),
    }),
  },
)

describe('a pairing under crashes, losses and repetitions', () => {
  it('ends with both sides paired, or neither, and never with two joiners', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 16 }), (acts) => {
        const world = new World()
        for (const next of acts) world.run(next)
        world.settle()
        // Whoever says again what another has said, without knowing the secret, does burn an invite.
        assert.notEqual(world.status, 'open')
        assert.notEqual(world.status, 'pending')
      }),
      { numRuns: 150 },
    )
  }).timeout(20_000)

  it('ends with both sides paired before the invite expires, if nobody sends what is not its own', () => {
    const own = act.filter(({ do: what }) => what === 'visit' || what === 'rotate')
    fc.assert(
      fc.property(fc.array(own, { maxLength: 16 }), (acts) => {
        const world = new World()
        for (const next of acts) world.run(next)
        world.settle()
        assert.equal(world.status, 'used')
      }),
      { numRuns: 100 },
    )
  }).timeout(20_000)

  it('ends like that when the invite is revoked in between, too', () => {
    const withRevocation = fc.oneof(
      { weight: 10, arbitrary: act },
      { weight: 1, arbitrary: fc.constant({ do: 'revoke' } as const) },
    )
    fc.assert(
      fc.property(fc.array(withRevocation, { maxLength: 16 }), (acts) => {
        const world = new World()
        for (const next of acts) world.run(next)
        world.settle()
      }),
      { numRuns: 50 },
    )
  }).timeout(20_000)

  it('ends with neither when somebody without the secret says the same thing too often', () => {
    const world = new World()
    world.run({ do: 'visit', joiner: 0, parts: 2 })
    for (let i = 0; i < MAX_WRONG_SECRETS; i++) world.run({ do: 'replay', joiner: 1, message: 0 })
    world.settle()
    assert.equal(world.status, 'burned')
  })

  // All places, one after the other, for one visit that nothing else disturbs.
  for (let parts = 0; parts <= PARTS_OF_VISIT; parts++) {
    it(`is brought to its end after a crash behind part ${parts}`, () => {
      const world = new World()
      world.run({ do: 'visit', joiner: 0, parts })
      world.settle()
      assert.equal(world.used, world.joiners[0]?.id)
    })
    it(`is brought to its end after a crash behind part ${parts}, and a rotation of both`, () => {
      const world = new World()
      world.run({ do: 'visit', joiner: 0, parts })
      world.run({ do: 'rotate', node: 0 })
      world.run({ do: 'rotate', node: 2 })
      world.settle()
      assert.equal(world.used, world.joiners[0]?.id)
    })
  }
})

/** One inviter, and two joiners that have the same link. What is on disk is bytes; all else a cut forgets. */
class World {
  readonly joiners = [new PairingNode('bob'), new PairingNode('carol')]
  readonly #inviter = new PairingNode('alice')
  readonly #inviterDisk: { bytes: Uint8Array }
  readonly #joinerDisks: { bytes: Uint8Array }[]
  /** Who has pinned whom, with the words of it. */
  readonly #pins = new Map<string, string>()
  readonly #sent: PairingMessage[] = []
  now = NOW

  constructor() {
    const { invite, record } = invited(this.#inviter)
    this.#inviterDisk = { bytes: encode(record) }
    this.#joinerDisks = this.joiners.map((node) => ({ bytes: encode(joining(node, invite)) }))
  }

  /** The id of the joiner that has redeemed the invite. */
  get used(): string | undefined {
    const { state } = this.#inviterRecord
    return state.is === 'paired' ? state.joiner : undefined
  }

  get status(): InviteStatus {
    return inviteStatus(this.#inviterRecord, this.now)
  }

  run(act: Act): void {
    switch (act.do) {
      case 'visit':
        this.#visit(act.joiner, act.parts)
        break
      case 'replay':
        this.#replay(act.joiner, act.message)
        break
      case 'rotate':
        ;[...this.joiners, this.#inviter][act.node]?.rotate()
        break
      case 'wait':
        this.now += act.ms
        break
      case 'revoke':
        this.#inviterDisk.bytes = encode(revokeInvite(this.#inviterRecord))
    }
    this.#check()
  }

  /** No more faults: each joiner calls a few times, in both orders. */
  settle(): void {
    this.#restart(this.#inviter, this.#inviterDisk, this.#inviterRecord)
    for (const at of this.joiners.keys()) {
      const { node, disk } = this.#joiner(at)
      this.#restart(node, disk, this.#joinerRecord(at))
    }
    for (const joiner of [0, 1, 1, 0]) this.run({ do: 'visit', joiner, parts: Infinity })
    for (const [at, { id }] of this.joiners.entries()) {
      const paired = this.#joinerRecord(at).state.is === 'paired'
      assert.equal(paired, this.used === id, 'one side is paired, and the other is not')
      assert.equal(this.#pins.has(`${this.#inviter.id} ${id}`), paired)
      assert.equal(this.#pins.has(`${id} ${this.#inviter.id}`), paired)
    }
  }

  get #inviterRecord(): InviterRecord {
    return inviterRecord.parse(decode(this.#inviterDisk.bytes))
  }

  #joinerRecord(at: number): JoinerRecord {
    return joinerRecord.parse(decode(this.#joinerDisks[at]?.bytes ?? new Uint8Array()))
  }

  #visit(at: number, parts: number): void {
    const cut = new Cut(parts)
    const joiner = this.#joiner(at)
    const opening = joinerOpening(this.#joinerRecord(at), joiner.node.context(...this.#to(at)))
    if (opening === undefined || !cut.goesOn()) return
    joiner.disk.bytes = encode(opening.record)
    let message: PairingMessage | undefined = opening.message
    while (message !== undefined && cut.goesOn()) {
      const reply = this.#deliverToInviter(at, message, cut)
      message = reply === undefined ? undefined : this.#deliverToJoiner(at, reply, cut)
    }
  }

  #replay(at: number, which: number): void {
    const message = this.#sent[which % this.#sent.length]
    if (message === undefined) return
    const cut = new Cut(Infinity)
    if (message.t === 'propose' || message.t === 'commit') {
      const reply = this.#deliverToInviter(at, message, cut)
      if (reply !== undefined) this.#deliverToJoiner(at, reply, cut)
    } else {
      this.#deliverToJoiner(at, message, cut)
    }
  }

  #deliverToInviter(at: number, message: PairingMessage, cut: Cut): PairingMessage | undefined {
    this.#sent.push(message)
    const context = this.#inviter.context(this.#joiner(at).node.peerId, { now: this.now })
    const step = stepInviter(this.#inviterRecord, overWire(message), context)
    return this.#finish(this.#inviter, this.#inviterDisk, step, cut)
  }

  #deliverToJoiner(at: number, message: PairingMessage, cut: Cut): PairingMessage | undefined {
    this.#sent.push(message)
    const { node, disk } = this.#joiner(at)
    const context = node.context(...this.#to(at))
    const step = stepJoiner(this.#joinerRecord(at), overWire(message), context)
    return this.#finish(node, disk, step, cut)
  }

  #restart(
    node: PairingNode,
    disk: { bytes: Uint8Array },
    record: InviterRecord | JoinerRecord,
  ): void {
    for (const { peer } of pinDue(record)) this.#pin(node, peer)
    disk.bytes = encode(pinned(record))
  }

  #finish<R extends InviterRecord | JoinerRecord>(
    node: PairingNode,
    disk: { bytes: Uint8Array },
    { effects, record, reply }: PairingStep<R>,
    cut: Cut,
  ): PairingMessage | undefined {
    if (!cut.goesOn()) return undefined
    disk.bytes = encode(record)
    for (const effect of effects) {
      if (effect.kind !== 'pin') continue
      if (!cut.goesOn()) return undefined
      this.#pin(node, effect.peer)
      if (!cut.goesOn()) return undefined
      disk.bytes = encode(pinned(record))
    }
    return cut.goesOn() ? reply : undefined
  }

  #pin(node: PairingNode, peer: PairedPeer): void {
    node.pin(peer)
    this.#pins.set(`${node.id} ${peer.id}`, peer.words.join(' '))
  }

  /** What has to hold at any time. */
  #check(): void {
    const pinned = [...this.#pins.keys()].filter((pair) => pair.startsWith(this.#inviter.id))
    assert.ok(pinned.length <= 1, 'two joiners on one invite')
    for (const { id } of this.joiners) {
      const words = this.#pins.get(`${id} ${this.#inviter.id}`)
      if (words === undefined) continue
      assert.equal(this.used, id, 'a joiner is paired with an inviter that is not')
      assert.equal(words, this.#pins.get(`${this.#inviter.id} ${id}`), 'the words differ')
    }
  }

  #joiner(at: number): { node: PairingNode; disk: { bytes: Uint8Array } } {
    const [node, disk] = [this.joiners[at], this.#joinerDisks[at]]
    if (node === undefined || disk === undefined) throw new TypeError('no such joiner')
    return { node, disk }
  }

  #to(at: number): [remotePeerId: string, change: { now: number }] {
    assert.ok(at < this.joiners.length)
    return [this.#inviter.peerId, { now: this.now }]
  }
}

/** Lets so many parts through. */
class Cut {
  #left: number

  constructor(parts: number) {
    this.#left = parts
  }

  goesOn(): boolean {
    return this.#left-- > 0
  }
}

function overWire(message: PairingMessage): PairingMessage {
  return readPairingMessage(decode(encode(message)))
}
