import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Dialer } from '../../src/node/dialer.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { settle } from '../helpers/memory-channel.ts'
import { StubLinks, StubMesh } from '../helpers/stub-mesh.ts'
import { StubPins, peerOf } from '../helpers/stub-pins.ts'

const [A, B, C] = ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/2', '/ip4/10.0.0.3/tcp/3'] as const
const BERT = peerOf('bert', { addresses: [A, B] })

describe('dialer', () => {
  let clock: ManualClock
  let pins: StubPins
  let links: StubLinks
  let mesh: StubMesh
  let dialer: Dialer

  beforeEach(() => {
    clock = new ManualClock()
    pins = new StubPins([BERT])
    links = new StubLinks(clock)
    mesh = new StubMesh(links)
    const log = pino({ level: 'silent' })
    dialer = new Dialer({ pins, links, mesh, clock, random: () => 0.5, log })
  })
  afterEach(async () => {
    await dialer.stop()
    assert.equal(mesh.underWay, 0)
    assert.equal(clock.timers, 0)
    assert.equal(links.listeners, 0)
  })

  async function start(...peers: KnownPeer[]): Promise<void> {
    if (peers.length > 0) pins.set(peers)
    dialer.start()
    await settle()
  }

  async function pass(ms: number): Promise<void> {
    clock.advance(ms)
    await settle()
  }

  /** What was tried since the last time. */
  function tried(): string[] {
    return mesh.tried.splice(0)
  }

  it('tries each address in order until one answers', async () => {
    mesh.at.set(B, BERT)
    await start(peerOf('bert', { addresses: [A, B, C] }))
    assert.deepEqual(tried(), [`dial ${A}`, `dial ${B}`])
    assert.deepEqual(dialer.state('bert'), { failures: 0 })
  })

  it('begins with the address that was good the last time', async () => {
    mesh.at.set(B, BERT)
    await start()
    await pass(60_000)
    tried()
    links.down(BERT)
    await settle()
    await pass(250)
    assert.deepEqual(tried(), [`dial ${B}`])
  })

  it('leaves a peer alone that has no address, and one that is linked', async () => {
    links.up(BERT, false)
    await start(BERT, peerOf('carol'))
    await pass(3_600_000)
    assert.deepEqual(tried(), [])
    assert.equal(dialer.state('carol'), undefined)
  })

  it('dials every peer at the same time', async () => {
    const carol = peerOf('carol', { addresses: [C] })
    mesh.at.set(A, 'silence').set(C, carol)
    await start(BERT, carol)
    assert.deepEqual(tried(), [`dial ${A}`, `dial ${C}`])
    assert.notEqual(links.get(carol.id), undefined)
  })

  it('waits longer after each failure, from 5 s to 10 min, and goes on for ever', async () => {
    const one = peerOf('bert', { addresses: [A] })
    pins.set([one])
    let asleep = clock.nextSleep
    dialer.start()
    const waits: number[] = []
    for (let failures = 1; failures <= 1_000; failures++) {
      const waitMs = await asleep
      waits.push(waitMs / 1_000)
      const reason = 'connect ECONNREFUSED'
      const nextAt = clock.now() + waitMs
      assert.deepEqual(dialer.state('bert'), { failures, lastError: reason, nextAt })
      asleep = clock.nextSleep
      clock.advance(waitMs - 1)
      assert.equal(mesh.tried.length, failures)
      clock.advance(1)
    }
    await asleep
    assert.equal(mesh.tried.length, 1_001)
    assert.deepEqual(waits.slice(0, 8), [5, 10, 20, 40, 80, 160, 320, 600])
    assert.ok(waits.slice(8).every((wait) => wait === 600))
    mesh.at.set(A, one)
    await pass(600_000)
    assert.deepEqual(dialer.state('bert'), { failures: 0 })
  })

  it('spreads its waits by chance', async () => {
    const chances = [0, 0.999_999]
    for (const chance of chances) {
      const log = pino({ level: 'silent' })
      const other = new Dialer({ pins, links, mesh, clock, random: () => chance, log })
      const asleep = clock.nextSleep
      other.start()
      assert.equal(await asleep, chance === 0 ? 4_500 : 5_500)
      await other.stop()
    }
  })

  describe('when a link goes', () => {
    it('that lasted, dials again at once, save for a scatter', async () => {
      mesh.at.set(A, BERT)
      await start()
      await pass(5_000)
      tried()
      links.down(BERT)
      await settle()
      assert.deepEqual(tried(), [])
      await pass(250)
      assert.deepEqual(tried(), [`dial ${A}`])
      assert.deepEqual(dialer.state('bert'), { failures: 0 })
    })

    it('that did not last, counts it as a failure and waits', async () => {
      mesh.at.set(A, BERT)
      await start()
      await pass(4_999)
      tried()
      links.down(BERT)
      await settle()
      const nextAt = clock.now() + 5_000
      assert.deepEqual(dialer.state('bert'), {
        failures: 1,
        lastError: 'the link did not last',
        nextAt,
      })
      await pass(4_999)
      assert.deepEqual(tried(), [])
      await pass(1)
      assert.deepEqual(tried(), [`dial ${A}`])
    })

    it('that ended before we could look at it, waits too', async () => {
      mesh.dial = async (peer, address) => {
        mesh.tried.push(`dial ${address}`)
        const link = links.up(peer)
        links.down(peer)
        return link
      }
      await start()
      assert.deepEqual(tried(), [`dial ${A}`])
      assert.equal(dialer.state('bert')?.failures, 1)
      await pass(4_999)
      assert.deepEqual(tried(), [])
    })

    it('because another took its place, has nothing to do', async () => {
      mesh.at.set(A, BERT)
      await start()
      const first = links.get(BERT.id)
      links.up(BERT, false)
      first?.abort(new Error('another link took over'))
      await pass(3_600_000)
      assert.deepEqual(tried(), [`dial ${A}`])
      assert.deepEqual(dialer.state('bert'), { failures: 0 })
    })

    it('that the peer had opened while we waited, dials at once', async () => {
      await start()
      tried()
      links.up(BERT, false)
      await pass(600_000)
      assert.deepEqual(tried(), [])
      links.down(BERT)
      await settle()
      await pass(250)
      assert.deepEqual(tried(), [`dial ${A}`, `dial ${B}`])
    })

    it('in the middle of a wait, ends the wait', async () => {
      await start()
      tried()
      links.up(BERT, false)
      await pass(1_000)
      links.down(BERT)
      await settle()
      assert.deepEqual(tried(), [`dial ${A}`, `dial ${B}`])
    })
  })

  describe('asked for a link', () => {
    it('gives the one that is up', async () => {
      const link = links.up(BERT, false)
      await start()
      assert.equal(await dialer.connect(BERT), link)
      assert.deepEqual(tried(), [])
    })

    it('joins the attempt that is under way', async () => {
      let answer = (): void => undefined
      mesh.dial = async () => {
        mesh.tried.push('dial')
        await new Promise<void>((resolve) => {
          answer = resolve
        })
        return links.up(BERT)
      }
      await start()
      const asked = [dialer.connect(BERT), dialer.connect(BERT)]
      await settle()
      assert.deepEqual(tried(), ['dial'])
      answer()
      const [first, second] = await Promise.all(asked)
      assert.equal(first, second)
      assert.equal(first, links.get(BERT.id))
    })

    it('does not wait for the next attempt that is due', async () => {
      await start()
      tried()
      mesh.at.set(A, BERT)
      assert.equal(await dialer.connect(BERT), links.get(BERT.id))
      assert.deepEqual(tried(), [`dial ${A}`])
    })

    it('says that nobody is there, and why', async () => {
      await start()
      const reason = 'connect ECONNREFUSED; connect ECONNREFUSED'
      await assert.rejects(dialer.connect(BERT), {
        code: 'unreachable',
        details: { peer: 'bert', reason },
      })
    })

    it('says so when its time is over, and lets the attempt go on', async () => {
      mesh.at.set(A, 'silence')
      await start()
      const stop = new AbortController()
      const asked = dialer.connect(BERT, stop.signal)
      await settle()
      stop.abort()
      const details = { peer: 'bert', reason: 'no connection in time' }
      await assert.rejects(asked, { code: 'unreachable', details })
      assert.equal(mesh.underWay, 1)
    })

    it('of a peer without an address says what to type', async () => {
      await start(peerOf('carol'))
      await assert.rejects(dialer.connect(peerOf('carol')), {
        code: 'unreachable',
        hint: /kith peers set-address carol/,
      })
    })
  })

  describe('when pins change', () => {
    it('dials a peer that is new, and lets the others wait on', async () => {
      await start()
      tried()
      const carol = peerOf('carol', { addresses: [C] })
      pins.set([BERT, carol])
      await settle()
      assert.deepEqual(tried(), [`dial ${C}`])
    })

    it('dials a new address at once, and gives an old one up', async () => {
      mesh.at.set(A, 'silence')
      await start()
      assert.equal(mesh.underWay, 1)
      tried()
      const moved = peerOf('bert', { addresses: [C] })
      mesh.at.set(C, moved)
      pins.set([moved])
      await settle()
      assert.deepEqual(tried(), [`dial ${C}`])
      assert.equal(mesh.underWay, 0)
      assert.notEqual(links.get(BERT.id), undefined)
    })

    it('forgets a peer that is gone, and what it waits for', async () => {
      await start()
      tried()
      pins.set([])
      await pass(3_600_000)
      assert.deepEqual(tried(), [])
      assert.equal(dialer.state('bert'), undefined)
      assert.equal(clock.timers, 0)
    })

    it('takes no notice of a change of grants', async () => {
      await start()
      tried()
      pins.set([{ ...BERT, pin: { ...BERT.pin, allow: [] } }])
      await settle()
      assert.deepEqual(tried(), [])
      assert.equal(dialer.state('bert')?.failures, 1)
    })

    it('dials the node that has the name and the addresses now', async () => {
      mesh.at.set(A, BERT)
      await start()
      await pass(60_000)
      tried()
      const other = { ...BERT, id: 'kith1other', key: peerOf('other').key }
      mesh.at.set(A, other)
      pins.set([other])
      links.down(BERT)
      await settle()
      await pass(250)
      assert.deepEqual(tried(), [`dial ${A}`])
      assert.notEqual(links.get(other.id), undefined)
    })
  })

  describe('that stops', () => {
    it('gives up what is under way, and leaves no timer', async () => {
      mesh.at.set(A, 'silence')
      await start()
      const asked = dialer.connect(BERT)
      await Promise.all([
        assert.rejects(asked, (err) => isFailure(err, 'unreachable')),
        dialer.stop(),
      ])
      assert.equal(mesh.underWay, 0)
      assert.deepEqual(tried(), [`dial ${A}`])
      await pass(3_600_000)
      assert.deepEqual(tried(), [])
    })

    it('waits for an attempt that was asked for while it waited itself', async () => {
      let ended = false
      await start()
      mesh.dial = async (_peer, _address, signal) => {
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve)
        })
        await settle(3)
        ended = true
        throw new Error('given up')
      }
      const asked = dialer.connect(BERT)
      asked.catch(() => undefined)
      await settle()
      await dialer.stop()
      assert.equal(ended, true)
    })

    it('dials no more, whatever pins and links do', async () => {
      mesh.at.set(A, BERT)
      await start()
      tried()
      await dialer.stop()
      links.down(BERT)
      pins.set([peerOf('carol', { addresses: [C] })])
      await pass(3_600_000)
      assert.deepEqual(tried(), [])
    })

    it('can start again', async () => {
      await start()
      await dialer.stop()
      tried()
      await start()
      assert.deepEqual(tried(), [`dial ${A}`, `dial ${B}`])
    })
  })
})
