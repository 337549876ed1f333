import assert from 'node:assert/strict'
import { peerOf } from '../helpers/stub-pins.ts'
import { A, B, BERT, C, testDialers } from '../helpers/test-dialer.ts'
import type { TestDialer } from '../helpers/test-dialer.ts'
import { settle } from '../helpers/memory-channel.ts'
import { named } from '../helpers/stub-mesh.ts'

describe('dialer', () => {
  const all = testDialers()
  let test: TestDialer

  beforeEach(() => {
    test = all()
  })

  it('tries each address in order until one answers', async () => {
    test.mesh.at.set(B, BERT)
    await test.start(peerOf('bert', { addresses: [A, B, C] }))
    assert.deepEqual(test.tried(), [`dial ${A}`, `dial ${B}`])
    assert.deepEqual(test.dialer.state('bert'), { failures: 0 })
  })

  it('begins with the address that was good the last time', async () => {
    test.mesh.at.set(B, BERT)
    await test.start()
    await test.pass(60_000)
    test.tried()
    test.links.down(BERT)
    await settle()
    await test.pass(250)
    assert.deepEqual(test.tried(), [`dial ${B}`])
  })

  it('leaves a peer alone that has no address, and one that is linked', async () => {
    test.links.up(BERT, false)
    await test.start(BERT, peerOf('carol'))
    await test.pass(3_600_000)
    assert.deepEqual(test.tried(), [])
    assert.equal(test.dialer.state('carol'), undefined)
  })

  it('leaves a peer alone from when it has unpinned us until that is over', async () => {
    test.mesh.at.set(A, 'silence')
    await test.start()
    assert.deepEqual(test.tried(), [`dial ${A}`])
    const unpinned = { ...BERT, unpinnedUsAt: 1 }
    test.pins.set([unpinned])
    await test.pass(3_600_000)
    assert.deepEqual(test.tried(), [])
    assert.equal(test.mesh.underWay, 0)
    await assert.rejects(test.dialer.connect(unpinned), {
      code: 'unreachable',
      details: { peer: 'bert', reason: 'it has unpinned this node' },
      hint: 'kith peers remove bert',
    })
    test.pins.set([BERT])
    await settle()
    assert.deepEqual(test.tried(), [`dial ${A}`])
  })

  it('leaves a peer alone from when it has retired, unless it is recovered', async () => {
    test.mesh.at.set(A, 'silence')
    await test.start()
    assert.deepEqual(test.tried(), [`dial ${A}`])
    const retired = { ...BERT, retired: true }
    test.pins.set([retired])
    await test.pass(3_600_000)
    assert.deepEqual(test.tried(), [])
    assert.equal(test.mesh.underWay, 0)
    await assert.rejects(test.dialer.connect(retired), {
      code: 'unreachable',
      details: { peer: 'bert', reason: 'it has retired and does not come back' },
      hint: 'kith peers remove bert',
    })
    test.pins.set([BERT])
    await settle()
    assert.deepEqual(test.tried(), [`dial ${A}`])
  })

  it('goes on with a peer that has retired while its owner can take it back, and no longer', async () => {
    const bert = peerOf('bert', { addresses: [A] })
    const retired = { ...bert, retired: true }
    test.mesh.at.set(A, named('ConnectionRefusedError'))
    await test.start(bert)
    test.tried()
    test.pins.set([{ ...retired, mayReturn: true }])
    await test.pass(60_000)
    assert.deepEqual(test.tried(), [`dial ${A}`])
    test.pins.set([retired])
    await test.pass(3_600_000)
    assert.deepEqual(test.tried(), [])
    assert.equal(test.dialer.state('bert'), undefined)
  })

  it('tries those again at once that it waits for when it is woken, and as often as before', async () => {
    test.mesh.at.set(A, named('ConnectionRefusedError'))
    test.mesh.at.set(C, peerOf('carol', { addresses: [C] }))
    await test.start(peerOf('bert', { addresses: [A] }), peerOf('carol', { addresses: [C] }))
    await test.pass(60_000)
    test.tried()
    test.dialer.wake()
    await settle()
    assert.deepEqual(test.tried(), [`dial ${A}`])
    assert.equal(test.dialer.state('bert')?.failures, 1)
  })

  it('dials every peer at the same time', async () => {
    const carol = peerOf('carol', { addresses: [C] })
    test.mesh.at.set(A, 'silence').set(C, carol)
    await test.start(BERT, carol)
    assert.deepEqual(test.tried(), [`dial ${A}`, `dial ${C}`])
    assert.notEqual(test.links.get(carol.id), undefined)
  })

  it('waits longer after each failure, from 5 s to 10 min, and goes on for ever', async () => {
    const one = peerOf('bert', { addresses: [A] })
    test.pins.set([one])
    let asleep = test.clock.nextSleep
    test.dialer.start()
    const waits: number[] = []
    for (let failures = 1; failures <= 1_000; failures++) {
      const waitMs = await asleep
      waits.push(waitMs / 1_000)
      const reason = 'connect ECONNREFUSED'
      const nextAt = test.clock.now() + waitMs
      assert.deepEqual(test.dialer.state('bert'), { failures, lastError: reason, nextAt })
      asleep = test.clock.nextSleep
      test.clock.advance(waitMs - 1)
      assert.equal(test.mesh.tried.length, failures)
      test.clock.advance(1)
    }
    await asleep
    assert.equal(test.mesh.tried.length, 1_001)
    assert.deepEqual(waits.slice(0, 8), [5, 10, 20, 40, 80, 160, 320, 600])
    assert.ok(waits.slice(8).every((wait) => wait === 600))
    test.mesh.at.set(A, one)
    await test.pass(600_000)
    assert.deepEqual(test.dialer.state('bert'), { failures: 0 })
  })

  it('spreads its waits by chance', async () => {
    const chances = [0, 0.999_999]
    for (const chance of chances) {
      const other = test.make(chance)
      const asleep = test.clock.nextSleep
      other.start()
      assert.equal(await asleep, chance === 0 ? 4_500 : 5_500)
      await other.stop()
    }
  })

  describe('when a link goes', () => {
    it('that lasted, dials again at once, save for a scatter', async () => {
      test.mesh.at.set(A, BERT)
      await test.start()
      await test.pass(5_000)
      test.tried()
      test.links.down(BERT)
      await settle()
      assert.deepEqual(test.tried(), [])
      await test.pass(250)
      assert.deepEqual(test.tried(), [`dial ${A}`])
      assert.deepEqual(test.dialer.state('bert'), { failures: 0 })
    })

    it('that did not last, counts it as a failure, waits, and begins with the lobby', async () => {
      test.mesh.at.set(A, BERT)
      await test.start()
      await test.pass(4_999)
      test.tried()
      test.links.down(BERT)
      await settle()
      const nextAt = test.clock.now() + 5_000
      assert.deepEqual(test.dialer.state('bert'), {
        failures: 1,
        lastError: 'the link did not last',
        nextAt,
      })
      await test.pass(4_999)
      assert.deepEqual(test.tried(), [])
      await test.pass(1)
      assert.deepEqual(test.tried(), [`lobby ${A}`, `dial ${A}`])
    })

    it('that ended before we could look at it, waits too', async () => {
      test.mesh.dial = async (peer, address) => {
        test.mesh.tried.push(`dial ${address}`)
        const link = test.links.up(peer)
        test.links.down(peer)
        return link
      }
      await test.start()
      assert.deepEqual(test.tried(), [`dial ${A}`])
      assert.equal(test.dialer.state('bert')?.failures, 1)
      await test.pass(4_999)
      assert.deepEqual(test.tried(), [])
    })

    it('because another took its place, has nothing to do', async () => {
      test.mesh.at.set(A, BERT)
      await test.start()
      const first = test.links.get(BERT.id)
      test.links.up(BERT, false)
      first?.abort(new Error('another link took over'))
      await test.pass(3_600_000)
      assert.deepEqual(test.tried(), [`dial ${A}`])
      assert.deepEqual(test.dialer.state('bert'), { failures: 0 })
    })

    it('that the peer had opened while we waited, dials at once', async () => {
      await test.start()
      test.tried()
      test.links.up(BERT, false)
      await test.pass(600_000)
      assert.deepEqual(test.tried(), [])
      test.links.down(BERT)
      await settle()
      await test.pass(250)
      assert.deepEqual(test.tried(), [`dial ${A}`, `dial ${B}`])
    })

    it('in the middle of a wait, ends the wait', async () => {
      await test.start()
      test.tried()
      test.links.up(BERT, false)
      await test.pass(1_000)
      test.links.down(BERT)
      await settle()
      assert.deepEqual(test.tried(), [`dial ${A}`, `dial ${B}`])
    })
  })

  describe('when pins change', () => {
    it('dials a peer that is new, and lets the others wait on', async () => {
      await test.start()
      test.tried()
      const carol = peerOf('carol', { addresses: [C] })
      test.pins.set([BERT, carol])
      await settle()
      assert.deepEqual(test.tried(), [`dial ${C}`])
    })

    it('dials a new address at once, and gives an old one up', async () => {
      test.mesh.at.set(A, 'silence')
      await test.start()
      assert.equal(test.mesh.underWay, 1)
      test.tried()
      const moved = peerOf('bert', { addresses: [C] })
      test.mesh.at.set(C, moved)
      test.pins.set([moved])
      await settle()
      assert.deepEqual(test.tried(), [`dial ${C}`])
      assert.equal(test.mesh.underWay, 0)
      assert.notEqual(test.links.get(BERT.id), undefined)
    })

    it('forgets a peer that is gone, and what it waits for', async () => {
      await test.start()
      test.tried()
      test.pins.set([])
      await test.pass(3_600_000)
      assert.deepEqual(test.tried(), [])
      assert.equal(test.dialer.state('bert'), undefined)
      assert.equal(test.clock.timers, 0)
    })

    it('takes no notice of a change of grants', async () => {
      await test.start()
      test.tried()
      test.pins.set([{ ...BERT, pin: { ...BERT.pin, allow: [] } }])
      await settle()
      assert.deepEqual(test.tried(), [])
      assert.equal(test.dialer.state('bert')?.failures, 1)
    })

    it('dials the node that has the name and the addresses now', async () => {
      test.mesh.at.set(A, BERT)
      await test.start()
      await test.pass(60_000)
      test.tried()
      const other = { ...BERT, id: 'kith1other', key: peerOf('other').key }
      test.mesh.at.set(A, other)
      test.pins.set([other])
      test.links.down(BERT)
      await settle()
      await test.pass(250)
      assert.deepEqual(test.tried(), [`dial ${A}`])
      assert.notEqual(test.links.get(other.id), undefined)
    })
  })
})
