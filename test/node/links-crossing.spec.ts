import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Link } from '../../src/node/link.ts'
import { betterLink } from '../../src/node/links.ts'
import { CROSSING_MS } from '../../src/protocol/limits.ts'
import { linkOver } from '../helpers/links.ts'
import { channelPair, settle } from '../helpers/memory-channel.ts'
import { RawPeer, helloOf } from '../helpers/raw-peer.ts'

/** One connection as a side sees it. */
interface View {
  outbound: boolean
  openedAt: number
  /** Boot epoch of the other side. */
  epoch?: number
}

/** The link to the holder of `key` that a side sees so. */
async function linkOf(key: string, { outbound, openedAt, epoch = 1 }: View): Promise<Link> {
  const [channel, farChannel] = channelPair()
  const link = linkOver(channel, { peer: { id: `kith1${key}`, key }, outbound, openedAt })
  const peer = new RawPeer(farChannel)
  void peer.say(helloOf({ epoch }))
  await settle(2)
  return link
}

describe('of two links to one peer', () => {
  const ours = { outbound: true, openedAt: 0 }
  const crossing: [name: string, current: View, fresh: View][] = [
    ['ours first', ours, { outbound: false, openedAt: 5 }],
    ['theirs first', { outbound: false, openedAt: 5 }, ours],
    ['as far apart as may be', ours, { outbound: false, openedAt: CROSSING_MS - 1 }],
  ]
  for (const [name, current, fresh] of crossing) {
    it(`that crossed, the one opened by the smaller key stays: ${name}`, async () => {
      const [a, b] = [await linkOf('b', current), await linkOf('b', fresh)]
      assert.equal(betterLink(a, b, 'a').outbound, true)
      assert.equal(betterLink(a, b, 'c').outbound, false)
    })
  }

  const following: [name: string, current: View, fresh: View][] = [
    ['too far apart to have crossed', ours, { outbound: false, openedAt: CROSSING_MS }],
    ['opened by the same side', ours, { outbound: true, openedAt: 1 }],
    ['the peer began anew between them', ours, { outbound: false, openedAt: 1, epoch: 2 }],
  ]
  for (const [name, current, fresh] of following) {
    it(`that did not cross, the newer stays: ${name}`, async () => {
      const [a, b] = [await linkOf('b', current), await linkOf('b', fresh)]
      for (const own of ['a', 'c']) assert.equal(betterLink(a, b, own), b)
    })
  }

  it('that crossed, both sides keep the same one, in whichever order each saw them', async () => {
    const key = fc.string({ minLength: 1, maxLength: 4 })
    const at = fc.nat({ max: CROSSING_MS - 1 })
    const keys = fc.tuple(key, key).filter(([a, b]) => a !== b)
    await fc.assert(
      fc.asyncProperty(
        keys,
        fc.tuple(at, at, at, at),
        fc.tuple(fc.boolean(), fc.boolean()),
        fc.tuple(fc.nat(), fc.nat()),
        async ([a, b], [a1, a2, b1, b2], [swapA, swapB], [epochA, epochB]) => {
          // Connection 1 was opened by a, connection 2 by b; each side has its own clock.
          const atA = [
            await linkOf(b, { outbound: true, openedAt: a1, epoch: epochB }),
            await linkOf(b, { outbound: false, openedAt: a2, epoch: epochB }),
          ] as const
          const atB = [
            await linkOf(a, { outbound: false, openedAt: b1, epoch: epochA }),
            await linkOf(a, { outbound: true, openedAt: b2, epoch: epochA }),
          ] as const
          const keptAtA = swapA ? betterLink(atA[1], atA[0], a) : betterLink(atA[0], atA[1], a)
          const keptAtB = swapB ? betterLink(atB[1], atB[0], b) : betterLink(atB[0], atB[1], b)
          assert.equal(keptAtA === atA[0], keptAtB === atB[0])
        },
      ),
      { numRuns: 200 },
    )
  })

  it('that followed each other, both sides keep the later one', async () => {
    const later = fc.integer({ min: CROSSING_MS, max: 10 * CROSSING_MS })
    await fc.assert(
      fc.asyncProperty(later, fc.boolean(), fc.boolean(), async (laterMs, first, second) => {
        for (const [outbound1, outbound2, own, other] of [
          [first, second, 'a', 'b'],
          [!first, !second, 'b', 'a'],
        ] as const) {
          const current = await linkOf(other, { outbound: outbound1, openedAt: 0 })
          const fresh = await linkOf(other, { outbound: outbound2, openedAt: laterMs })
          assert.equal(betterLink(current, fresh, own), fresh)
        }
      }),
      { numRuns: 50 },
    )
  })
})
