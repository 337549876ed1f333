import assert from 'node:assert/strict'
import { Link, RETIRE_SWEEPS } from '../../src/node/link.ts'
import { KithError, isFailure } from '../../src/protocol/errors.ts'
import { encodeFrame } from '../../src/protocol/frame.ts'
import { LIVENESS_MISSES, MAX_FRAME_BYTES } from '../../src/protocol/limits.ts'
import { encodeMessage } from '../../src/protocol/message.ts'
import { HeldAnswers, PATIENT, linkOver, linkPair, linkToRaw } from '../helpers/links.ts'
import { channelPair, settle } from '../helpers/memory-channel.ts'
import { RawPeer, helloOf } from '../helpers/raw-peer.ts'
import { fromHex } from '../vectors/seeds.ts'

describe('a link', () => {
  describe('begins', () => {
    it('with a hello of both sides', async () => {
      const [channel, farChannel] = channelPair()
      const link = linkOver(channel, { hello: helloOf({ software: 'kith/near', epoch: 4 }) })
      const peer = new RawPeer(farChannel)
      await settle()
      assert.deepEqual(peer.heard, [helloOf({ software: 'kith/near', epoch: 4 })])
      assert.equal(link.hello, undefined)
      await peer.say(helloOf({ sn: 9 }))
      assert.deepEqual(await link.opened, helloOf({ sn: 9 }))
      assert.deepEqual(link.hello, helloOf({ sn: 9 }))
    })

    for (const first of [
      { t: 'call', id: 1, body: null, verb: 'echo', deadlineMs: 1 },
      { t: 'end', id: 1, body: null },
      { t: 'cancel', id: 1 },
    ] as const) {
      it(`with nothing else: ${first.t} before hello ends it`, async () => {
        const [channel, farChannel] = channelPair()
        let served = 0
        const link = linkOver(channel, { answer: () => ++served })
        const peer = new RawPeer(farChannel)
        await peer.say(first, helloOf())
        await assert.rejects(link.opened, { code: 'connection-lost' })
        assert.ok(isFailure(await link.closed, 'malformed'))
        assert.equal(peer.closed, true)
        assert.equal(served, 0)
      })
    }

    it('once: a second hello ends it', async () => {
      const { link, peer } = await linkToRaw()
      await peer.say(helloOf())
      assert.ok(isFailure(await link.closed, 'malformed'))
    })

    it('not at all when the connection ends before hello', async () => {
      const [channel, farChannel] = channelPair()
      const link = linkOver(channel)
      farChannel.abort(new Error('gone'))
      await assert.rejects(link.opened, { code: 'connection-lost', details: { peer: 'kith1peer' } })
    })

    it('unheard, without harm, when nobody waits for it', async () => {
      const [channel] = channelPair()
      linkOver(channel).abort(new Error('gone'))
      await settle()
    })
  })

  describe('is ended by what is no message', () => {
    const wrong: [name: string, bytes: string, code: string][] = [
      ['a frame without a body', '00', 'malformed'],
      ['a length in too many bytes', '8100', 'malformed'],
      ['a frame over the limit', '818040', 'too-large'],
      ['a body that is no CBOR', '01ff', 'malformed'],
      ['a body that is no map', '0100', 'malformed'],
      ['an unknown kind', '04a16174617a', 'malformed'],
    ]
    for (const [name, bytes, code] of wrong) {
      it(`at once: ${name}`, async () => {
        const { link, channel, peer } = await linkToRaw()
        await peer.sayBytes(fromHex(bytes))
        assert.equal(link.over, true)
        assert.equal(channel.aborted, await link.closed)
        assert.ok(isFailure(channel.aborted) && channel.aborted.code === code)
      })
    }

    it('and serves nothing that comes after it', async () => {
      let served = 0
      const { link, peer } = await linkToRaw({ answer: () => ++served })
      const call = { t: 'call', id: 1, body: null, verb: 'echo', deadlineMs: 1 } as const
      const frame = encodeFrame(encodeMessage(call))
      await peer.sayBytes(Buffer.concat([encodeFrame(Uint8Array.of(0)), frame]))
      assert.equal(link.over, true)
      assert.equal(served, 0)
    })

    it('and by nothing that is one, up to the largest', async () => {
      let bytes = 0
      const { link, peer } = await linkToRaw({
        answer: ({ call }) => {
          bytes = (call.body as Uint8Array).byteLength
          return null
        },
      })
      const body = new Uint8Array(MAX_FRAME_BYTES - 64)
      await peer.call(1, body)
      assert.equal(link.over, false)
      assert.equal(bytes, body.byteLength)
    })
  })

  it('that has ended serves no call that was on its way', async () => {
    const [channel, farChannel] = channelPair()
    let listeners: Parameters<typeof channel.listen>[0] | undefined
    let served = 0
    const late = {
      send: (bytes: Uint8Array) => channel.send(bytes),
      listen: (all: NonNullable<typeof listeners>) => {
        listeners = all
      },
      abort: () => undefined,
    }
    const link = new Link(late, {
      peer: { id: 'kith1peer', key: 'peer' },
      outbound: false,
      openedAt: 0,
      hello: helloOf(),
      answer: () => ++served,
    })
    new RawPeer(farChannel)
    listeners?.bytes(encodeFrame(encodeMessage(helloOf())))
    link.abort(new Error('cut'))
    const call = { t: 'call', id: 1, body: null, verb: 'echo', deadlineMs: 1 } as const
    listeners?.bytes(encodeFrame(encodeMessage(call)))
    assert.equal(served, 0)
  })

  describe('whose peer', () => {
    it('is silent asks for pings and dies one beat after the last that may be missed', async () => {
      const { link, channel } = await linkToRaw()
      assert.equal(link.beat(), false)
      for (let miss = 1; miss <= LIVENESS_MISSES; miss++) {
        assert.equal(link.beat(), true)
        assert.equal(link.over, false)
      }
      assert.equal(link.beat(), false)
      assert.equal(link.over, true)
      assert.ok(isFailure(channel.aborted, 'connection-lost'))
      assert.equal(link.beat(), false)
    })

    it('says a word now and then lives for ever', async () => {
      const { link, peer } = await linkToRaw()
      for (let round = 0; round < 20; round++) {
        for (let beat = 0; beat <= LIVENESS_MISSES; beat++) link.beat()
        assert.equal(link.over, false)
        await peer.say({ t: 'cancel', id: 1 })
      }
    })

    it('was not heard because we stood still has missed one beat, however long that was', async () => {
      const { link } = await linkToRaw()
      link.beat()
      // An hour in which no timer of ours ran: its beats come as one.
      assert.equal(link.beat(), true)
      assert.equal(link.beat(), true)
      assert.equal(link.over, false)
    })
  })

  describe('that retires', () => {
    it('closes after some sweeps without a call, and not sooner', async () => {
      const { near, far } = await linkPair()
      near.retire()
      sweepTimes(near, RETIRE_SWEEPS - 1)
      assert.equal(near.over, false)
      near.sweep(0)
      assert.equal(near.over, true)
      await settle()
      assert.equal(far.over, true)
    })

    it('waits for the calls of both sides', async () => {
      const [ours, theirs] = [new HeldAnswers(), new HeldAnswers()]
      const { near, far } = await linkPair({
        near: { answer: theirs.take },
        far: { answer: ours.take },
      })
      const ends = [near.call('echo', null, PATIENT), far.call('echo', null, PATIENT)]
      await settle()
      near.retire()
      sweepTimes(near, RETIRE_SWEEPS)
      await ours.end(0, 1)
      sweepTimes(near, RETIRE_SWEEPS)
      assert.equal(near.over, false)
      await theirs.end(0, 2)
      assert.deepEqual(await Promise.all(ends), [1, 2])
      sweepTimes(near, RETIRE_SWEEPS)
      assert.equal(near.over, true)
    })

    it('still answers a peer that has not heard of the other link yet', async () => {
      const { near, far } = await linkPair()
      near.retire()
      sweepTimes(near, RETIRE_SWEEPS - 1)
      assert.equal(await far.call('echo', 1, PATIENT), 1)
    })
  })

  it('that ends tells both sides once, whoever ends it and how often', async () => {
    const { near, far, nearChannel } = await linkPair()
    const reason = new KithError('malformed', 'no more', { what: 'test' })
    near.abort(reason)
    near.abort(new Error('again'))
    nearChannel.abort(new Error('and again'))
    assert.equal(await near.closed, reason)
    assert.equal((await far.closed).message, 'the connection ended')
    await assert.rejects(near.call('echo', null, PATIENT), { code: 'connection-lost' })
  })
})

function sweepTimes(link: Link, times: number): void {
  for (let sweep = 0; sweep < times; sweep++) link.sweep(0)
}
