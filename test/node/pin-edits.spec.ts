import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Link } from '../../src/node/link.ts'
import { editPins } from '../../src/node/pin-edits.ts'
import type { PinEditsComponents } from '../../src/node/pin-edits.ts'
import { readBye } from '../../src/protocol/bye.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { KithError } from '../../src/protocol/errors.ts'
import type { Body } from '../../src/protocol/message.ts'
import type { PeerEdit } from '../../src/store/peers-edit.ts'
import { linkPair } from '../helpers/links.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { settle } from '../helpers/memory-channel.ts'
import { peerOf, seedOf } from '../helpers/stub-pins.ts'

const [BERT_ID, OWN_ID] = [`kith1${'a'.repeat(52)}`, `kith1${'q'.repeat(51)}a`]
const REMOVE: PeerEdit = { op: 'remove', name: 'bert' }

describe('edits of pins', () => {
  let clock: ManualClock
  let components: PinEditsComponents
  let link: Link | undefined
  /** What was done, in order. */
  let done: string[]
  let failure: Error | undefined
  /** What the peer makes of a call. */
  let answer: (body: Body) => Body | Promise<Body>
  let byes: Body[]

  beforeEach(async () => {
    clock = new ManualClock()
    done = []
    byes = []
    failure = undefined
    answer = () => ({})
    const bert = { ...peerOf('bert'), id: BERT_ID }
    const { near } = await linkPair({
      near: { peer: bert, openedAt: clock.now() },
      far: {
        answer: ({ call }) => {
          done.push(call.verb)
          byes.push(call.body)
          return answer(call.body)
        },
      },
    })
    link = near
    components = {
      byes: { forget: (id) => void done.push(`forget ${id === BERT_ID ? 'bert' : id}`) },
      clock,
      links: { get: (id) => (id === BERT_ID ? link : undefined) },
      log: pino({ level: 'silent' }),
      pins: {
        byName: (name) => (name === 'bert' ? bert : undefined),
        edit: async (edit) => {
          done.push(edit.op)
          if (failure !== undefined) throw failure
        },
      },
      self: { id: OWN_ID, secret: seedOf('node') },
      strangers: {
        assertNotBlocked: (who) => {
          if (who === 'blocked') throw new KithError('blocked', 'blocked', { who })
        },
      },
    }
  })

  it('tell a peer that is linked that it is removed, and remove it then', async () => {
    await editPins(components, REMOVE)
    assert.deepEqual(done, ['peer.bye', 'remove'])
    const [said] = byes
    const { bye } = said as { bye: Uint8Array }
    assert.deepEqual(readBye(bye, publicKeyOf(seedOf('node'))), {
      from: OWN_ID,
      to: BERT_ID,
      at: clock.now(),
    })
  })

  it('say no bye that is older than the link, also when the clock was set back', async () => {
    const openedAt = clock.now()
    clock.now = () => openedAt - 86_400_000
    await editPins(components, REMOVE)
    const { bye } = byes[0] as { bye: Uint8Array }
    assert.equal(readBye(bye, publicKeyOf(seedOf('node'))).at, openedAt)
  })

  it('remove a peer that is away, at once', async () => {
    link = undefined
    await editPins(components, REMOVE)
    assert.deepEqual(done, ['remove'])
  })

  it('remove a peer that does not know this call', async () => {
    answer = () => Promise.reject(new Error('no verb'))
    await editPins(components, REMOVE)
    assert.equal(done.at(-1), 'remove')
  })

  it('remove a peer that does not answer within 2 s', async () => {
    answer = () => new Promise(() => undefined)
    const removed = editPins(components, REMOVE)
    await settle()
    assert.deepEqual(done, ['peer.bye'])
    // As links are swept: four times a second.
    for (let swept = 0; swept < 8; swept++) {
      link?.sweep(clock.now())
      clock.advance(250)
    }
    await removed
    assert.deepEqual(done, ['peer.bye', 'remove'])
  })

  it('end the link when the removal fails, so that the peer finds that it is pinned', async () => {
    failure = new KithError('unsafe-file', 'others can write it', { path: 'peers.yaml', fix: '' })
    await assert.rejects(editPins(components, REMOVE), { code: 'unsafe-file' })
    assert.equal(link?.over, true)
  })

  it('leave the link alone when another edit fails', async () => {
    failure = new KithError('unknown-peer', 'nobody', { name: 'nobody' })
    const edit: PeerEdit = { op: 'rename', name: 'bert', to: 'robert' }
    await assert.rejects(editPins(components, edit), { code: 'unknown-peer' })
    assert.deepEqual([done, link?.over], [['rename'], false])
  })

  it('end a bye when an address is given, be it the same', async () => {
    const edit: PeerEdit = { op: 'set-addresses', name: 'bert', addresses: [] }
    await editPins(components, edit)
    assert.deepEqual(done, ['set-addresses', 'forget bert'])
  })

  it('do nothing more when a peer gets rights or a name', async () => {
    await editPins(components, { op: 'allow', name: 'bert', grants: ['ping'] })
    await editPins(components, { op: 'rename', name: 'bert', to: 'robert' })
    assert.deepEqual(done, ['allow', 'rename'])
  })

  for (const field of ['id', 'key'] as const) {
    it(`pin nobody whose ${field} is blocked`, async () => {
      const blocked: PeerEdit = { op: 'add', peer: { name: 'eve', [field]: 'blocked' } }
      await assert.rejects(editPins(components, blocked), { code: 'blocked' })
      assert.deepEqual(done, [])
      await editPins(components, { op: 'add', peer: { name: 'eve', [field]: 'another' } })
      assert.deepEqual(done, ['add'])
    })
  }
})
