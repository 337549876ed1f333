import assert from 'node:assert/strict'
import type { KnownPeer } from '../../src/node/pins.ts'
import { isKnown } from '../../src/node/pins.ts'
import { byeHomes } from '../helpers/bye-home.ts'
import type { ByeHome } from '../helpers/bye-home.ts'
import { begin, rotate } from '../helpers/key-branch.ts'
import { settle } from '../helpers/memory-channel.ts'
import { keyOf, pinOf } from '../helpers/test-pins.ts'

const BERT = begin('bert')
const CAROL = begin('carol')
const ADDRESSES = ['/ip4/10.0.0.1/tcp/1']

describe('byes', () => {
  const homes = byeHomes()
  let home: ByeHome

  beforeEach(async () => {
    home = homes()
    await home.meet('bert', BERT, { addresses: ADDRESSES })
    await home.meet('carol', CAROL)
  })

  function peer(name = 'bert'): KnownPeer {
    const found = home.inForce.byName(name)
    assert.ok(found !== undefined && isKnown(found))
    return found
  }

  function unpinnedUsAt(name = 'bert'): number | undefined {
    return home.inForce.byName(name)?.unpinnedUsAt
  }

  async function take(at = 1_000): Promise<void> {
    await home.byes.take(peer(), { at, key: keyOf(BERT) })
  }

  it('are of the peer that said them, by our clock, and of no other', async () => {
    let told = 0
    home.inForce.onChange(() => told++)
    await take()
    assert.equal(unpinnedUsAt(), home.clock.now())
    assert.equal(unpinnedUsAt('carol'), undefined)
    assert.equal(home.byes.lastSaidAt(peer().id, keyOf(BERT)), 1_000)
    assert.equal(told, 1)
  })

  it('are told to the owner, with what to type', async () => {
    await take()
    assert.deepEqual(home.raised, [
      {
        kind: 'unpinned-by-peer',
        peer: 'bert',
        what: 'bert has unpinned this node, and is dialled no more',
        hint: 'kith peers remove bert',
      },
    ])
  })

  it('are on disk when they are taken', async () => {
    await take()
    const at = home.clock.now()
    home.clock.advance(5_000)
    await home.restart()
    assert.equal(unpinnedUsAt(), at)
    assert.equal(home.byes.lastSaidAt(peer().id, keyOf(BERT)), 1_000)
  })

  it('are taken only once they are on disk', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    home.hold = promise
    let taken = false
    const taking = take().then(() => (taken = true))
    await settle()
    assert.deepEqual([home.writes > 0, taken], [true, false])
    resolve()
    await taking
  })

  const ends: [what: string, end: () => void | Promise<void>][] = [
    [
      'its node links with us again',
      () => {
        home.byes.forget(peer().id)
      },
    ],
    [
      'its pin gets other addresses',
      () => {
        home.edit(...pins(['/ip4/10.0.0.2/tcp/1']))
      },
    ],
    [
      'its pin gets one address more',
      () => {
        home.edit(...pins([...ADDRESSES, '/ip4/1.1.1.1/tcp/1']))
      },
    ],
    [
      'its pin loses its address',
      () => {
        home.edit(...pins([]))
      },
    ],
    [
      'its pin is removed and made anew as it was',
      () => {
        home.edit(pinOf('carol', CAROL))
        home.edit(...pins(ADDRESSES))
      },
    ],
    [
      'a key is in force that has not signed it',
      async () => {
        const thief = rotate(BERT, 'bert, later', { why: 'compromise' })
        await home.inForce.take(thief.events)
      },
    ],
  ]
  for (const [what, end] of ends) {
    it(`end when ${what}, for good`, async () => {
      await take()
      await end()
      assert.equal(unpinnedUsAt(), undefined)
      const id = peer().id
      await home.restart()
      assert.equal(unpinnedUsAt(), undefined)
      assert.equal(home.byes.lastSaidAt(id, keyOf(BERT)), 1_000, 'what was said once is remembered')
    })
  }

  function pins(addresses: string[]): ReturnType<typeof pinOf>[] {
    return [pinOf('bert', BERT, { addresses }), pinOf('carol', CAROL)]
  }

  it('stay when the pin gets another name or other rights', async () => {
    await take()
    home.edit(pinOf('robert', BERT, { addresses: ADDRESSES, allow: [] }), pinOf('carol', CAROL))
    assert.equal(unpinnedUsAt('robert'), home.clock.now())
  })

  it('stay when another peer links or is removed', async () => {
    await take()
    home.byes.forget(peer('carol').id)
    home.edit(pinOf('bert', BERT, { addresses: ADDRESSES }))
    assert.equal(unpinnedUsAt(), home.clock.now())
  })

  it('cost nothing when there is none to end', () => {
    const { writes } = home
    let told = 0
    home.byes.onChange(() => told++)
    home.byes.forget(peer().id)
    assert.deepEqual([home.writes, told], [writes, 0])
  })
})
