import assert from 'node:assert/strict'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { pino } from 'pino'
import { MAX_BLOCKED } from '../../src/node/blocklist.ts'
import {
  MAX_DENIED,
  MAX_STRANGERS,
  MAX_STRANGERS_PER_NETWORK,
  STRANGERS_WRITE_MS,
  Strangers,
} from '../../src/node/strangers.ts'
import { parsePublicKey } from '../../src/protocol/peer-id.ts'
import { Database } from '../../src/store/database.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { StubPins, peerOf } from '../helpers/stub-pins.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const HOME = '/ip4/192.0.2.7/tcp/4711'
const KEYS = Array.from({ length: 1_000 }, (_, n) => keyOf(`stranger ${n}`))
const [ONE = '', TWO = '', THREE = ''] = KEYS
const NODE_ID = `kith1${'a'.repeat(52)}`

describe('strangers', () => {
  const folder = tempFolder()
  let database: Database
  let clock: ManualClock
  let pins: StubPins
  let strangers: Strangers
  /** Operations and durability of each batch that was written. */
  let writes: { operations: number; bytes: number; durable: boolean }[]

  async function open(): Promise<void> {
    database = await Database.open(join(folder(), 'store'))
    const write = database.write.bind(database)
    database.write = async (operations, { durable }) => {
      const sizes = operations.map((one) => (one.type === 'put' ? one.value.byteLength : 0))
      const bytes = sizes.reduce((sum, size) => sum + size, 0)
      writes.push({ operations: operations.length, bytes, durable })
      await write(operations, { durable })
    }
    strangers = new Strangers({ database, pins, clock, log: pino({ level: 'silent' }) })
    await strangers.start()
  }

  async function restart(): Promise<void> {
    strangers.stop()
    await database.close()
    await open()
  }

  beforeEach(async () => {
    clock = new ManualClock()
    pins = new StubPins()
    writes = []
    await open()
  })
  afterEach(() => database.close())

  function note(key: string, from = HOME): void {
    strangers.note(key, multiaddr(from))
  }

  function keys(): string[] {
    return strangers.pending().map(({ key }) => key)
  }

  it('are listed with their host, the last one first, and each is counted once it is there', () => {
    const firstAt = clock.now()
    note(ONE)
    clock.advance(1_000)
    note(TWO, '/ip6/2001:db8::1/tcp/1')
    clock.advance(1_000)
    note(ONE, '/ip4/198.51.100.9/tcp/99')
    const [one, two, ...rest] = strangers.pending()
    assert.deepEqual(one, {
      key: ONE,
      address: '198.51.100.9',
      network: '198.51.100',
      firstAt,
      lastAt: firstAt + 2_000,
      count: 2,
    })
    assert.deepEqual([two?.key, two?.address, two?.count], [TWO, '2001:db8::1', 1])
    assert.deepEqual(rest, [])
  })

  it('outlast a restart', async () => {
    note(ONE)
    note(TWO)
    const before = strangers.pending()
    await restart()
    assert.deepEqual(strangers.pending(), before)
  })

  it('are not those whom a pin awaits by their key', () => {
    pins.awaited.add(ONE)
    note(ONE)
    assert.deepEqual(keys(), [])
  })

  it('are not those whose key no pin could name', () => {
    note('16Uiu2HAmQbS3wPH8sDaXCQsdhYdBzvKyhVsYQo4BKhzE1D1zF5aN')
    assert.deepEqual(keys(), [])
  })

  it('are none any more once they are pinned, by key or by what they have shown', () => {
    for (const key of [ONE, TWO, THREE]) note(key)
    pins.awaited.add(ONE)
    pins.set([{ ...peerOf('bert'), key: TWO }])
    assert.deepEqual(keys(), [THREE])
  })

  describe('in a flood', () => {
    it(`are ${MAX_STRANGERS} at most; who was not seen for the longest goes first`, () => {
      for (let n = 0; n < MAX_STRANGERS; n++) note(KEYS[n] ?? '', `/ip4/10.0.${n}.1/tcp/1`)
      assert.equal(keys().length, MAX_STRANGERS)
      assert.ok(keys().includes(ONE))
      note(ONE, '/ip4/10.0.0.1/tcp/1')
      note(keyOf('late'), '/ip4/10.1.0.1/tcp/1')
      assert.equal(keys().length, MAX_STRANGERS)
      assert.ok(keys().includes(ONE))
      assert.ok(!keys().includes(TWO))
    })

    for (const [network, hosts] of [
      ['IPv4', (n: number) => `/ip4/10.0.0.${n % 256}/tcp/1`],
      ['IPv6', (n: number) => `/ip6/2001:db8::${n.toString(16)}/tcp/1`],
      ['unix', (n: number) => `/unix/%2Frun%2F${n}`],
    ] as const) {
      it(`of one ${network} network take their share, and leave the others alone`, () => {
        note(ONE)
        for (const [n, key] of KEYS.slice(1).entries()) note(key, hosts(n))
        assert.equal(keys().length, 1 + MAX_STRANGERS_PER_NETWORK)
        assert.ok(keys().includes(ONE))
        assert.equal(keys()[0], KEYS.at(-1))
      })
    }

    it('who change networks do not pass the share of either', () => {
      for (let n = 0; n < MAX_STRANGERS_PER_NETWORK; n++) note(KEYS[n] ?? '')
      note(KEYS[5] ?? '', '/ip4/10.0.0.1/tcp/1')
      note(KEYS[5] ?? '')
      assert.equal(keys().length, MAX_STRANGERS_PER_NETWORK)
      assert.ok(!keys().includes(ONE))
    })

    it('cause one small write a minute, however many they are', async () => {
      for (const [n, key] of KEYS.entries()) note(key, `/ip4/10.0.${n % 256}.1/tcp/1`)
      assert.equal(writes.length, 0)
      clock.advance(STRANGERS_WRITE_MS)
      assert.equal(writes.length, 1)
      for (let minute = 1; minute <= 10; minute++) {
        for (const key of KEYS) note(key, `/ip4/10.0.${minute}.1/tcp/1`)
        clock.advance(STRANGERS_WRITE_MS)
        assert.equal(writes.length, 1 + minute)
      }
      for (const { bytes, durable, operations } of writes) {
        assert.deepEqual([operations, durable], [1, false])
        assert.ok(bytes < 200 * MAX_STRANGERS, `${bytes} bytes`)
      }
      clock.advance(10 * STRANGERS_WRITE_MS)
      assert.equal(writes.length, 11, 'nothing is written when nobody calls')
      await restart()
      assert.equal(writes.length, 11, 'what is written is not written again')
    })
  })

  describe('who are denied', () => {
    it('are not listed again, over a restart too', async () => {
      note(ONE)
      note(TWO)
      await strangers.deny(ONE)
      await restart()
      note(ONE)
      assert.deepEqual(keys(), [TWO])
      assert.deepEqual(
        strangers.denied().map(({ key }) => key),
        [ONE],
      )
      assert.equal(writes[0]?.durable, true)
    })

    it(`are remembered, ${MAX_DENIED} of them; of more, the newest`, async () => {
      for (let n = 0; n <= MAX_DENIED; n++) {
        note(ONE)
        assert.deepEqual(keys(), n === 0 ? [ONE] : [], `${n} are denied`)
        await strangers.deny(KEYS[n] ?? '')
      }
      assert.equal(strangers.denied().length, MAX_DENIED)
      note(ONE)
      note(TWO)
      assert.deepEqual(keys(), [ONE])
    })

    it('may be accepted all the same, and are forgotten then', async () => {
      await strangers.deny(ONE)
      strangers.assertAcceptable(ONE)
      await strangers.forget(ONE)
      assert.deepEqual(strangers.denied(), [])
    })
  })

  describe('who are blocked', () => {
    for (const [what, who] of [
      ['key', ONE],
      ['node id', NODE_ID],
    ] as const) {
      it(`by ${what} are not accepted nor pinned, until they are unblocked`, async () => {
        note(ONE)
        await strangers.block(who)
        await restart()
        assert.equal(strangers.blocks(who), true)
        assert.equal(strangers.blocks(TWO), false)
        for (const refuse of ['assertNotBlocked', 'assertAcceptable'] as const) {
          assert.throws(
            () => {
              strangers[refuse](who)
            },
            {
              code: 'blocked',
              details: { who },
              hint: `kith peers unblock ${who}`,
            },
          )
        }
        await strangers.unblock(who)
        await restart()
        strangers.assertNotBlocked(who)
        assert.equal(strangers.blocks(who), false)
      })
    }

    it('are not listed any more', async () => {
      note(ONE)
      await strangers.block(ONE)
      assert.deepEqual(keys(), [])
      assert.deepEqual(
        strangers.blocked().map(({ who }) => who),
        [ONE],
      )
    })

    it('are found by every form of their key', async () => {
      const key = peerOf('bert').key
      await strangers.block(key)
      const bytes = Buffer.from(parsePublicKey(key))
      for (const form of [bytes.toString('hex'), bytes.toString('base64')]) {
        assert.throws(
          () => {
            strangers.assertNotBlocked(form)
          },
          { code: 'blocked' },
        )
      }
    })

    it('are not peers: those are removed first', async () => {
      const bert = peerOf('bert')
      pins.set([bert])
      for (const who of [bert.key, bert.id]) {
        await assert.rejects(strangers.block(who), {
          code: 'exists',
          hint: 'kith peers remove bert',
        })
        assert.equal(strangers.blocks(who), false)
      }
    })

    it(`are ${MAX_BLOCKED} at most: one more is refused, and none is forgotten`, async () => {
      const ids = Array.from({ length: MAX_BLOCKED }, (_, n) => `id ${n}`)
      await Promise.all(ids.map((id) => strangers.block(id)))
      await assert.rejects(strangers.block(ONE), {
        code: 'list-full',
        details: { limit: MAX_BLOCKED },
      })
      assert.equal(strangers.blocks(ONE), false)
      assert.ok(ids.every((id) => strangers.blocks(id)))
      await strangers.block('id 0')
      await strangers.unblock('id 0')
      await strangers.block(ONE)
      assert.equal(strangers.blocks(ONE), true)
    })

    it('are those who were blocked, and nobody else is unblocked', async () => {
      await assert.rejects(strangers.unblock(ONE), { code: 'unknown-stranger' })
    })
  })

  it('are accepted only if they have called', () => {
    assert.throws(
      () => {
        strangers.assertAcceptable(ONE)
      },
      {
        code: 'unknown-stranger',
        hint: 'kith peers pending, or kith peers add NAME KEY',
      },
    )
    note(ONE)
    strangers.assertAcceptable(ONE)
  })
})

function keyOf(name: string): string {
  return peerOf(name).key
}
