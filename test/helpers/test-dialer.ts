import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Dialer } from '../../src/node/dialer.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { ManualClock } from './manual-clock.ts'
import { settle } from './memory-channel.ts'
import { StubLinks, StubMesh } from './stub-mesh.ts'
import { StubPins, peerOf } from './stub-pins.ts'

export const A = '/ip4/10.0.0.1/tcp/1'
export const B = '/ip4/10.0.0.2/tcp/2'
export const C = '/ip4/10.0.0.3/tcp/3'
export const BERT = peerOf('bert', { addresses: [A, B] })

/** A dialer without chance, whose network, links, pins and time a test makes. */
export class TestDialer {
  readonly clock = new ManualClock()
  readonly pins = new StubPins([BERT])
  readonly links = new StubLinks(this.clock)
  readonly mesh = new StubMesh(this.links)
  readonly dialer = this.make(0.5)

  make(chance: number): Dialer {
    const { clock, links, mesh, pins } = this
    const log = pino({ level: 'silent' })
    const knowsUs = (): boolean => true
    return new Dialer({ pins, links, mesh, knowsUs, clock, random: () => chance, log })
  }

  async start(...peers: KnownPeer[]): Promise<void> {
    if (peers.length > 0) this.pins.set(peers)
    this.dialer.start()
    await settle()
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    await settle()
  }

  /** What was tried since the last time. */
  tried(): string[] {
    return this.mesh.tried.splice(0)
  }
}

/** A dialer for each test, of which nothing is left after it. Call it in `describe`, its result in tests. */
export function testDialers(): () => TestDialer {
  let test: TestDialer
  beforeEach(() => {
    test = new TestDialer()
  })
  afterEach(async () => {
    await test.dialer.stop()
    assert.equal(test.mesh.underWay, 0)
    assert.equal(test.clock.timers, 0)
    assert.equal(test.links.listeners, 0)
  })
  return () => test
}
