import assert from 'node:assert/strict'
import { byeVerb } from '../../../src/node/verbs/bye.ts'
import type { AnyVerb } from '../../../src/node/verbs/verb.ts'
import { isKnown } from '../../../src/node/pins.ts'
import { createBye } from '../../../src/protocol/bye.ts'
import type { Bye } from '../../../src/protocol/bye.ts'
import { encode } from '../../../src/protocol/cbor.ts'
import { decideGrant } from '../../../src/protocol/grant.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { answerTo } from '../../helpers/ask-calls.ts'
import { byeHomes } from '../../helpers/bye-home.ts'
import type { ByeHome } from '../../helpers/bye-home.ts'
import { begin, rotate } from '../../helpers/key-branch.ts'
import type { Branch } from '../../helpers/key-branch.ts'
import { seedOf } from '../../helpers/stub-pins.ts'
import { idOfBranch } from '../../helpers/test-pins.ts'

const BERT = begin('bert')
const CAROL = begin('carol')
const [BERT_ID, CAROL_ID, OWN_ID] = [BERT, CAROL, begin('node')].map(idOfBranch) as [
  string,
  string,
  string,
]
/** When bert said hello on the link that is up, by bert's clock, which is years behind ours. */
const HELLO_AT = 5_000

describe('peer.bye', () => {
  const homes = byeHomes()
  let home: ByeHome
  let verb: AnyVerb
  let helloAt: number | undefined

  beforeEach(async () => {
    home = homes()
    helloAt = HELLO_AT
    await home.meet('bert', BERT)
    await home.meet('carol', CAROL)
    makeVerb()
  })

  function makeVerb(): void {
    const link = (): { hello: { at: number } } | undefined =>
      helloAt === undefined ? undefined : { hello: { at: helloAt } }
    const links = { get: link as never }
    verb = byeVerb({ byes: home.byes, links, pins: home.inForce, self: { id: OWN_ID } })
  }

  function signed(change: Partial<Bye> = {}, { seed }: { seed: Uint8Array } = BERT): Uint8Array {
    return createBye({ from: BERT_ID, to: OWN_ID, at: HELLO_AT, ...change, seed })
  }

  /** What comes of a call of bert, which the guard has let in. */
  async function call(bye: Uint8Array, name = 'bert'): Promise<Body> {
    const peer = home.inForce.byName(name)
    assert.ok(peer !== undefined && isKnown(peer))
    const answer = answerTo(peer, 'peer.bye', { bye }, () => undefined)
    return await verb.run({ peer, body: { bye }, answer, now: home.clock.now() })
  }

  async function isNothing(bye: Uint8Array, name?: string): Promise<void> {
    await assert.rejects(call(bye, name), { code: 'bad-request', details: { what: 'bye' } })
    assert.equal(home.inForce.byName('bert')?.unpinnedUsAt, undefined)
    assert.equal(home.inForce.byName('carol')?.unpinnedUsAt, undefined)
    assert.deepEqual(home.raised, [])
  }

  function isUnpinned(): boolean {
    return home.inForce.byName('bert')?.unpinnedUsAt !== undefined
  }

  it('is taken from its node, for us, signed by the key in force', async () => {
    assert.deepEqual(await call(signed()), {})
    assert.equal(isUnpinned(), true)
    assert.equal(home.raised.length, 1)
  })

  it('needs no right, and is served to a frozen peer and to one with an old key', () => {
    const pin = { ...home.inForce.byName('bert')?.pin, allow: [] } as never
    assert.equal(decideGrant(pin, 'peer.bye', { now: 0, chainLength: 1 }).allowed, true)
    assert.deepEqual([verb.whenFrozen, verb.withOldKey], [true, true])
  })

  const forged: [what: string, bye: () => Uint8Array, name?: string][] = [
    ['signed by another key', () => signed({}, { seed: seedOf('thief') })],
    ['signed by its rotation key', () => signed({}, { seed: BERT.rotationSeed })],
    ['of another node, brought by bert', () => signed({ from: CAROL_ID }, CAROL)],
    ['of another node, signed by bert', () => signed({ from: CAROL_ID })],
    ['of bert, brought by another peer', () => signed(), 'carol'],
    ['for another node', () => signed({ to: CAROL_ID })],
    ['that is no statement', () => Uint8Array.of(0)],
    ['that is empty', () => new Uint8Array()],
    [
      'that is not signed',
      () => encode({ v: 1, t: 'bye', from: BERT_ID, to: OWN_ID, at: HELLO_AT }),
    ],
    ['with a byte more', () => Buffer.concat([signed(), Uint8Array.of(0)])],
    ['from before the hello of this link', () => signed({ at: HELLO_AT - 1 })],
  ]
  for (const [what, bye, name] of forged) {
    it(`is nothing when it is one ${what}`, async () => {
      await isNothing(bye(), name)
    })
  }

  it('is nothing without a link that its node has opened with a hello', async () => {
    helloAt = undefined
    await isNothing(signed())
  })

  describe('of a node with another key', () => {
    let later: Branch

    beforeEach(async () => {
      later = rotate(BERT, 'bert, later', { graceSeconds: 3_600 })
      await home.inForce.take(later.events)
    })

    it('is nothing when the key before has signed it', async () => {
      await isNothing(signed())
    })

    it('is taken when the key in force has signed it, whichever key brings it', async () => {
      assert.deepEqual(await call(signed({}, later)), {})
      assert.equal(isUnpinned(), true)
    })
  })

  describe('after one of a thief with the largest time that there is', () => {
    const last = 8_640_000_000_000_000

    beforeEach(async () => {
      await call(signed({ at: last }))
      home.byes.forget(BERT_ID)
      home.raised.splice(0)
    })

    it('is taken when another key is in force', async () => {
      const later = rotate(BERT, 'bert, later', { why: 'compromise' })
      await home.inForce.take(later.events)
      await call(signed({}, later))
      assert.equal(isUnpinned(), true)
    })

    it('is nothing under the same key', async () => {
      await isNothing(signed({ at: last }))
    })
  })

  it('is answered again, and changes nothing, while it holds', async () => {
    await call(signed())
    const { writes } = home
    for (let at = HELLO_AT; at < HELLO_AT + 100; at++)
      assert.deepEqual(await call(signed({ at })), {})
    assert.equal(home.writes, writes)
    assert.equal(home.raised.length, 1)
  })

  describe('that is brought again after a new pairing', () => {
    let old: Uint8Array

    beforeEach(async () => {
      old = signed({ at: HELLO_AT + 100 })
      await call(old)
      home.byes.forget(BERT_ID)
      home.raised.splice(0)
    })

    it('is nothing, since the hello of the new link is later', async () => {
      helloAt = HELLO_AT + 60_000
      await isNothing(old)
    })

    it('is nothing, also when the clock of its node was set back', async () => {
      helloAt = HELLO_AT - 1_000_000
      await isNothing(old)
    })

    it('is nothing, also after a restart of ours', async () => {
      helloAt = 0
      await home.restart()
      makeVerb()
      await isNothing(old)
    })

    it('gives way to one that is new', async () => {
      helloAt = HELLO_AT + 60_000
      await call(signed({ at: helloAt }))
      assert.equal(isUnpinned(), true)
      assert.equal(home.raised.length, 1)
    })
  })
})
