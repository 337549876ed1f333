import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pino } from 'pino'
import { createIdentity, openIdentity, readIdentity } from '../../src/node/identity.ts'
import { keysOfHome } from '../../src/node/keys/own-keys.ts'
import { Rotation } from '../../src/node/rotation.ts'
import type { RotateInit } from '../../src/node/rotation.ts'
import { Self } from '../../src/node/self.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { endorseRotation } from '../../src/protocol/key-log-create.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import { wordsToSeed } from '../../src/protocol/recovery-words.ts'
import { NOW } from '../helpers/ask-calls.ts'
import { CLEAR, keyNames, namesInForce } from '../helpers/key-homes.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { seedOf } from '../vectors/seeds.ts'

const ROUTINE: RotateInit = { why: 'routine', graceSeconds: 60, passphrase: undefined }
const STOLEN: RotateInit = { why: 'compromise', graceSeconds: 0, passphrase: undefined }

describe('rotation of a running node', () => {
  const folder = tempFolder()
  let home: string
  let clock: ManualClock
  let self: Self
  let rotation: Rotation
  /** What happened, in order, and under which key of this node. */
  let steps: [what: string, key: string][]
  let rekey: (secret: Uint8Array) => Promise<void>
  let words: { recovery: string; rotation: string }

  beforeEach(() => {
    home = join(folder(), 'home')
    clock = new ManualClock(NOW + 1_000)
    steps = []
    rekey = async () => undefined
  })
  afterEach(async () => {
    await rotation.stop()
    assert.equal(clock.timers, 0)
  })

  async function make(init: { rotationKeyOffHost?: true } = {}): Promise<void> {
    const { recoveryWords, rotationWords = [] } = await createIdentity(home, CLEAR, NOW, init)
    words = { recovery: recoveryWords.join(' '), rotation: rotationWords.join(' ') }
    self = new Self(await openIdentity(home, undefined))
    await start()
  }

  async function start(): Promise<void> {
    rotation = new Rotation({
      keys: keysOfHome(home),
      self,
      announcer: {
        announce: async (log) => {
          steps.push([`announce ${log?.state.sn ?? '-'}`, self.key])
          // What is announced is in force on disk.
          assert.deepEqual((await readIdentity(home)).log, log?.events)
        },
      },
      mesh: {
        rekey: async (secret) => {
          steps.push([`rekey ${peerIdOf(publicKeyOf(secret))}`, self.key])
          await rekey(secret)
        },
      },
      dialer: {
        wake: () => {
          steps.push(['wake', self.key])
        },
      },
      clock,
      log: pino({ level: 'silent' }),
    })
    await rotation.start()
  }

  it('is announced under the old key once it is on disk, then the node listens under the new one', async () => {
    await make()
    const before = self.key
    assert.deepEqual(await rotation.rotate(ROUTINE), { state: 'rotated' })
    const after = (await openIdentity(home, undefined)).key
    assert.notEqual(after, before)
    assert.deepEqual(steps, [
      ['announce 1', before],
      [`rekey ${after}`, after],
      ['wake', after],
    ])
    assert.deepEqual([self.key, self.state.sn], [after, 1])
  })

  it('keeps the old key for its grace, and then no longer', async () => {
    await make()
    await rotation.rotate(ROUTINE)
    assert.equal((await keyNames(home)).length, 3)
    clock.advance(60_000)
    await rotation.stop()
    assert.deepEqual(await keyNames(home), await namesInForce(home))
  })

  it('erases a stolen key at once', async () => {
    await make()
    await rotation.rotate(STOLEN)
    assert.deepEqual(await keyNames(home), await namesInForce(home))
    assert.equal(clock.timers, 0)
  })

  it('looks at the old key again when its time is over, and not sooner if the clock was set back', async () => {
    await make()
    await rotation.rotate(ROUTINE)
    assert.equal(clock.timers, 1)
    await rotation.stop()
    clock = new ManualClock(NOW - 365 * 86_400_000)
    await start()
    assert.equal(clock.timers, 1)
    clock.advance(7 * 86_400_000 - 1)
    assert.equal(clock.timers, 1)
  })

  it('is one at a time', async () => {
    await make()
    await Promise.all([rotation.rotate(ROUTINE), rotation.rotate(STOLEN), rotation.rotate(ROUTINE)])
    assert.equal(self.state.sn, 3)
    assert.deepEqual(
      steps.map(([what]) => what.split(' ')[0]),
      ['announce', 'rekey', 'wake', 'announce', 'rekey', 'wake', 'announce', 'rekey', 'wake'],
    )
  })

  it('does not hold up the next one when it fails', async () => {
    await make()
    const unfit = rotation.rotate({ ...ROUTINE, graceSeconds: 604_801 })
    const fit = rotation.rotate(ROUTINE)
    await assert.rejects(unfit, { code: 'malformed' })
    assert.deepEqual(await fit, { state: 'rotated' })
  })

  it('has happened when the listener cannot follow', async () => {
    await make()
    const before = self.key
    rekey = () =>
      Promise.reject(new KithError('cannot-listen', 'somebody is there', { addresses: '/a' }))
    await assert.rejects(rotation.rotate(STOLEN), { code: 'cannot-listen' })
    assert.notEqual(self.key, before)
    assert.equal((await openIdentity(home, undefined)).key, self.key)
  })

  it('lets a stop wait for its end, and leaves nothing behind', async () => {
    await make()
    const { promise: held, resolve } = Promise.withResolvers<undefined>()
    rekey = () => held
    const rotating = rotation.rotate(ROUTINE)
    const stopped = rotation.stop()
    resolve(undefined)
    await Promise.all([rotating, stopped])
    assert.equal(clock.timers, 0)
  })

  it('is begun by nobody while the node stops', async () => {
    await make()
    const { log } = await readIdentity(home)
    await rotation.prepareRecovery({ words: words.recovery, protection: CLEAR })
    const stopped = rotation.stop()
    for (const change of [rotation.rotate(ROUTINE), rotation.commitRecovery()]) {
      await assert.rejects(change, { code: 'stopping' })
    }
    await stopped
    assert.deepEqual((await readIdentity(home)).log, log)
  })

  it('waits for a rotation key that is elsewhere, through a restart', async () => {
    await make({ rotationKeyOffHost: true })
    const outcome = await rotation.rotate(STOLEN)
    assert.ok(outcome.state === 'waiting')
    await rotation.stop()
    await start()
    assert.deepEqual(await rotation.waiting(), outcome.draft)
    assert.deepEqual([self.state.sn, steps], [0, []])
    const endorsed = endorseRotation(outcome.draft, {
      rotationSeed: wordsToSeed(words.rotation),
      nextRotationKey: publicKeyOf(seedOf('next')),
    })
    await rotation.complete(endorsed, undefined)
    assert.equal(self.state.sn, 1)
    assert.equal(await rotation.waiting(), undefined)
    await assert.rejects(rotation.complete(endorsed, undefined), { code: 'no-rotation' })
  })

  it('has nothing that waits where the rotation key is here', async () => {
    await make()
    await keysOfHome(home).prepareRotation({ ...ROUTINE, at: clock.now() })
    assert.equal(await rotation.waiting(), undefined)
  })

  it('takes the node back by its recovery words, and not before they are replaced', async () => {
    await make()
    await assert.rejects(rotation.commitRecovery(), { code: 'no-rotation' })
    const { recovery } = words
    const made = await rotation.prepareRecovery({ words: recovery, protection: CLEAR })
    assert.deepEqual([made.recoveryWords.length, self.state.sn, steps], [24, 0, []])
    await rotation.commitRecovery()
    assert.deepEqual([self.state.sn, self.state.rotated?.why], [1, 'recovery'])
    assert.deepEqual(await keyNames(home), await namesInForce(home))
    await assert.rejects(rotation.prepareRecovery({ words: recovery, protection: CLEAR }), {
      code: 'wrong-words',
    })
    await assert.rejects(rotation.commitRecovery(), { code: 'no-rotation' })
  })

  it('tells of the end of the node, and does not listen again', async () => {
    await make()
    const before = self.key
    const { key } = await rotation.retire({ passphrase: undefined })
    assert.equal(key, undefined)
    assert.deepEqual(steps, [['announce 1', before]])
    assert.deepEqual(await keyNames(home), [], 'its keys were there until it was told')
  })
})
