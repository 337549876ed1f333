import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import { encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { KEY_LOG_REFUSALS } from '../../src/protocol/key-event.ts'
import { createInception, validateKeyLog } from '../../src/protocol/key-log.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { MAX_KEY_EVENT_BYTES, MAX_KEY_LOG_EVENTS } from '../../src/protocol/limits.ts'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { WEAK_POINTS } from '../vectors/ed25519-points.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex, seedOf } from '../vectors/seeds.ts'

const vectors = readVectors(
  'key-logs.json',
  z.strictObject({
    inputs: z.record(z.enum(['seed', 'nextKey', 'recoveryKey', 'nonce']), z.string()),
    valid: z.array(
      z.strictObject({
        name: z.string(),
        windowHours: z.int(),
        at: z.int(),
        event: z.string(),
        events: z.array(z.string()),
        head: z.string(),
      }),
    ),
    refused: z.array(
      z.strictObject({
        what: z.string(),
        name: z.string(),
        events: z.array(z.string()),
        expectedId: z.string().optional(),
      }),
    ),
  }),
)

const INIT = {
  seed: fromHex(vectors.inputs.seed),
  nextKey: fromHex(vectors.inputs.nextKey),
  recoveryKey: fromHex(vectors.inputs.recoveryKey),
  nonce: fromHex(vectors.inputs.nonce),
  at: 1_767_225_600_000,
}

describe('key log', () => {
  for (const { name, windowHours, at, event, events, head } of vectors.valid) {
    it(`is made as its vector says: ${name}`, async () => {
      const { signedEvent, id } = await createInception({ ...INIT, windowHours, at })
      assert.deepEqual([hex(signedEvent)], events)
      assert.equal(id, nodeIdOf(fromHex(event)))
    })

    it(`is read: ${name}`, async () => {
      const id = nodeIdOf(fromHex(event))
      assert.deepEqual(await validateKeyLog(events.map(fromHex), id), {
        id,
        sn: 0,
        head: fromHex(head),
        keyInForce: publicKeyOf(INIT.seed),
        nextCommitment: sha256(INIT.nextKey),
        recoveryCommitment: sha256(INIT.recoveryKey),
        windowHours,
      })
    })
  }

  for (const { what, name, events, expectedId } of vectors.refused) {
    it(`is refused for: ${what}: ${name}`, async () => {
      assert.equal(await refusalOf(events.map(fromHex), expectedId), what)
    })
  }

  it('has a vector for each reason to refuse it', () => {
    const covered = new Set(vectors.refused.map(({ what }) => what))
    assert.deepEqual([...covered].sort(), [...KEY_LOG_REFUSALS].sort())
  })

  it('is refused for its size only above the limits', async () => {
    const [full, over] = [MAX_KEY_EVENT_BYTES, MAX_KEY_EVENT_BYTES + 1].map(envelopeOf)
    assert.equal(await refusalOf([full ?? new Uint8Array()]), 'unknown version')
    assert.equal(await refusalOf([over ?? new Uint8Array()]), 'event too large')
    const log = new Array<Uint8Array>(MAX_KEY_LOG_EVENTS).fill(Uint8Array.of())
    assert.equal(await refusalOf(log), 'not canonical')
    assert.equal(await refusalOf([...log, Uint8Array.of()]), 'too many events')
  })

  it('has a window of 72 hours unless told otherwise', async () => {
    const { signedEvent } = await createInception(INIT)
    assert.equal((await validateKeyLog([signedEvent])).windowHours, 72)
  })

  it('says what it said when its bytes change later', async () => {
    const { signedEvent } = await createInception(INIT)
    const state = await validateKeyLog([signedEvent])
    const before = structuredClone(state)
    signedEvent.fill(0)
    assert.deepEqual(state, before)
  })

  const unusable = [
    ['a weak next key', { nextKey: fromHex(WEAK_POINTS[0]?.point ?? '') }, 'weak key'],
    ['a weak recovery key', { recoveryKey: fromHex(WEAK_POINTS[4]?.point ?? '') }, 'weak key'],
    ['the same next and recovery key', { nextKey: INIT.recoveryKey }, 'keys not distinct'],
    ['a window of no hours', { windowHours: 0 }, 'wrong field'],
    ['a time before the epoch', { at: -1 }, 'wrong time'],
    ['a short nonce', { nonce: new Uint8Array(8) }, 'wrong field'],
  ] as const
  for (const [name, change, what] of unusable) {
    it(`is not begun with ${name}`, async () => {
      await assert.rejects(createInception({ ...INIT, ...change }), isRefusal(what))
    })
  }

  it('is refused with a known reason, whatever byte of it changes', async () => {
    const { signedEvent } = await createInception(INIT)
    const at = fc.nat({ max: signedEvent.byteLength - 1 })
    await fc.assert(
      fc.asyncProperty(at, fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const changed = signedEvent.slice()
        changed[place] = (changed[place] ?? 0) ^ change
        const what = await refusalOf([changed])
        assert.ok(
          KEY_LOG_REFUSALS.some((reason) => reason === what),
          what,
        )
      }),
      { numRuns: 500 },
    )
  })

  it('is refused with a known reason when its bytes are chance', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array(), { maxLength: 3 }), async (events) => {
        const what = await refusalOf(events)
        assert.ok(
          KEY_LOG_REFUSALS.some((reason) => reason === what),
          what,
        )
      }),
    )
  })

  it('is of another node when the seed, a key, the time or the nonce is another', async () => {
    const changes = [
      {},
      { seed: seedOf('a') },
      { nextKey: publicKeyOf(seedOf('b')) },
      { recoveryKey: publicKeyOf(seedOf('c')) },
      { at: 0 },
      { nonce: new Uint8Array(16) },
    ]
    const made = changes.map((change) => createInception({ ...INIT, ...change }))
    assert.equal(new Set((await Promise.all(made)).map(({ id }) => id)).size, changes.length)
  })
})

/** A canonical signed event of this many bytes in all, of no version that anybody knows. */
function envelopeOf(bytes: number): Uint8Array {
  const pad = (length: number) =>
    encode({ e: encode({ pad: new Uint8Array(length) }), s: [new Uint8Array(64)] })
  return pad(1_000 + bytes - pad(1_000).byteLength)
}

async function refusalOf(events: Uint8Array[], expectedId?: string): Promise<string> {
  try {
    await validateKeyLog(events, expectedId)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    return err.details.what
  }
  return 'accepted'
}

function isRefusal(what: string): (err: unknown) => boolean {
  return (err) => isFailure(err, 'malformed') && err.details.what === what
}
