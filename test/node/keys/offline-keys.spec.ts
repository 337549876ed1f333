import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { Input, Output } from '../../../src/node/control/api.ts'
import { homeOf } from '../../../src/node/home.ts'
import type { Home } from '../../../src/node/home.ts'
import { createIdentity, openIdentity } from '../../../src/node/identity.ts'
import type { CreatedIdentity } from '../../../src/node/identity.ts'
import { OfflineKeys } from '../../../src/node/keys/offline-keys.ts'
import type { OfflineRoutes } from '../../../src/node/keys/offline-keys.ts'
import { retire } from '../../../src/node/keys/retire.ts'
import { publicKeyOf } from '../../../src/protocol/ed25519.ts'
import { endorseRotation } from '../../../src/protocol/key-log-create.ts'
import { seedToWords, wordsToSeed } from '../../../src/protocol/recovery-words.ts'
import {
  endorsementText,
  parseRequestText,
  readRotationRequest,
} from '../../../src/protocol/rotation-request.ts'
import { editPeers } from '../../../src/store/peers-file.ts'
import { Database } from '../../../src/store/database.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { CLEAR, contentOf, keyNames, namesInForce } from '../../helpers/key-homes.ts'
import { keyLogOf } from '../../helpers/key-logs.ts'
import { sealKeys } from '../../helpers/sealed-keys.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

describe('keys of a home whose node does not run', () => {
  const folder = tempFolder()
  let home: Home
  let keys: OfflineKeys
  let made: CreatedIdentity

  beforeEach(() => {
    home = homeOf({ KITH_HOME: join(folder(), 'home') }, undefined)
    keys = new OfflineKeys(home)
  })
  afterEach(() => keys.close())

  async function make(options: Parameters<typeof createIdentity>[3] = {}): Promise<void> {
    made = await createIdentity(home.path, CLEAR, NOW, options)
  }

  async function makeSealed(options: Parameters<typeof createIdentity>[3] = {}): Promise<void> {
    await make(options)
    await sealKeys(home.path, 'geheim')
  }

  /** What a route gives, which must be what its schema says. */
  async function call<N extends keyof OfflineRoutes>(name: N, input: Input<N>): Promise<Output<N>> {
    const output = await keys.call(name, input)
    const overWire: unknown = JSON.parse(JSON.stringify(output))
    assert.deepEqual(ROUTES[name].output.parse(overWire), overWire)
    return output
  }

  const routine = { why: 'routine', graceSeconds: 0 } as const

  it('are shown, and rehearsed, without a trace', async () => {
    await make()
    const { id } = await keyLogOf('bert')
    await editPeers(home.peers, { op: 'add', peer: { name: 'bert', id } })
    const before = await contentOf(home.path)
    const report = await call('key', {})
    assert.deepEqual(
      [report.id, report.key, report.rotationKey, report.sn],
      [made.identity.id, made.identity.key, 'here', 0],
    )
    assert.deepEqual(report.peers, [{ peer: 'bert', state: 'unknown', connected: false }])
    const { findings, state } = await call('drillRotation', {})
    assert.equal(state, 'warn')
    assert.match(findings.at(-1)?.what ?? '', /only catch up when it dials/)
    const words = made.recoveryWords.join(' ')
    assert.deepEqual(await call('checkRecovery', { words }), { id: report.id, sn: 1 })
    assert.equal((await call('exportRotationKey', {})).words.length, 24)
    assert.deepEqual(await contentOf(home.path), before)
  })

  it('are rotated, and leave nothing of the old ones', async () => {
    await make()
    const outcome = await call('rotate', { ...routine, why: 'compromise', lastGoodAt: NOW })
    assert.ok(outcome.state === 'rotated')
    const identity = await openIdentity(home.path, undefined)
    assert.equal(outcome.report.key, identity.key)
    assert.notEqual(identity.key, made.identity.key)
    assert.equal(outcome.report.log[1]?.lastGoodAt, NOW)
    assert.deepEqual(await keyNames(home.path), await namesInForce(home.path))
  })

  it('are sealed as before, by the passphrase that is given', async () => {
    await makeSealed()
    await assert.rejects(call('rotate', routine), { code: 'passphrase', details: { given: false } })
    assert.equal((await call('key', {})).sn, 0)
    await call('rotate', { ...routine, passphrase: 'geheim' })
    assert.equal((await openIdentity(home.path, 'geheim')).log.length, 2)
    await assert.rejects(openIdentity(home.path, undefined), { code: 'passphrase' })
  })

  it('hold the store from the first change to the end, as a node would', async () => {
    await make()
    await call('key', {})
    await (await Database.open(home.store)).close()
    await call('rotate', routine)
    await assert.rejects(Database.open(home.store), { code: 'locked' })
    await keys.close()
    await (await Database.open(home.store)).close()
  })

  it('are left alone while somebody else holds the store', async () => {
    await make()
    const database = await Database.open(home.store)
    const before = await contentOf(join(home.path, 'keys'))
    try {
      const { recoveryWords } = made
      const words = recoveryWords.join(' ')
      for (const [name, input] of [
        ['rotate', routine],
        ['completeRotation', { endorsement: 'kith://e/1/AA' }],
        ['forgetRotationKey', { words }],
        ['prepareRecovery', { words, protection: CLEAR }],
      ] as const) {
        await assert.rejects(keys.call(name, input), { code: 'locked' }, name)
      }
      assert.deepEqual(await contentOf(join(home.path, 'keys')), before)
    } finally {
      await database.close()
    }
  })

  it('wait for a rotation key that is elsewhere, and come into force by its signature', async () => {
    await makeSealed({ rotationKeyOffHost: true })
    await assert.rejects(call('requestRotation', {}), { code: 'no-rotation' })
    const outcome = await call('rotate', { ...routine, passphrase: 'geheim' })
    assert.ok(outcome.state === 'waiting')
    await keys.close()
    keys = new OfflineKeys(home)
    assert.deepEqual((await call('key', {})).waiting, outcome.rotation)
    await assert.rejects(call('requestRotation', { via: 'laptop' }), { code: 'daemon-not-running' })
    await assert.rejects(call('requestRotation', {}), { code: 'passphrase' })
    const { request, rotation } = await call('requestRotation', { passphrase: 'geheim' })
    assert.deepEqual(rotation, outcome.rotation)
    const { secret } = await openIdentity(home.path, 'geheim')
    const draft = readRotationRequest(parseRequestText(request), publicKeyOf(secret))
    const endorsement = endorsementText(
      endorseRotation(draft, {
        rotationSeed: wordsToSeed(made.rotationWords?.join(' ') ?? ''),
        nextRotationKey: publicKeyOf(seedOf('next')),
      }),
    )
    await assert.rejects(call('completeRotation', { endorsement }), { code: 'passphrase' })
    const report = await call('completeRotation', { endorsement, passphrase: 'geheim' })
    assert.deepEqual([report.key, report.waiting], [outcome.rotation.key, undefined])
  })

  it('are forgotten here once their words are shown to be elsewhere', async () => {
    await make()
    const { words } = await call('exportRotationKey', {})
    const wrong = made.recoveryWords.join(' ')
    await assert.rejects(call('forgetRotationKey', { words: wrong }), { code: 'wrong-words' })
    await call('forgetRotationKey', { words: words.join(' ') })
    assert.equal((await call('key', {})).rotationKey, 'off-host')
    await assert.rejects(call('exportRotationKey', {}), { code: 'rotation-key-off-host' })
  })

  it('are recovered, not before it is said, and also after the end of the node', async () => {
    await make()
    await retire(home.path, { at: NOW, passphrase: undefined })
    assert.equal((await call('key', {})).key, undefined)
    await assert.rejects(call('rotate', routine), { code: 'retired' })
    await assert.rejects(call('commitRecovery', {}), { code: 'no-rotation' })
    const words = made.recoveryWords.join(' ')
    const before = await readFile(join(home.path, 'identity.json'))
    const init = { words, protection: { passphrase: 'neu' }, rotationKeyOffHost: true } as const
    const { recoveryWords, rotationWords } = await call('prepareRecovery', init)
    assert.deepEqual([recoveryWords.length, rotationWords?.length], [24, 24])
    assert.deepEqual(await readFile(join(home.path, 'identity.json')), before)
    const report = await call('commitRecovery', {})
    assert.deepEqual([report.log.at(-1)?.type, report.rotationKey], ['rec', 'off-host'])
    assert.equal((await openIdentity(home.path, 'neu')).key, report.key)
    await assert.rejects(call('checkRecovery', { words }), { code: 'wrong-words' })
  })

  const retirements: [by: string, input: () => Input<'retire'>][] = [
    ['the rotation key of the host', () => ({})],
    ['the recovery words', () => ({ words: made.recoveryWords.join(' ') })],
  ]
  for (const [by, input] of retirements) {
    it(`are ended by ${by}, and erased; no peer is told`, async () => {
      await make()
      const { id } = await keyLogOf('bert')
      await editPeers(home.peers, { op: 'add', peer: { name: 'bert', id } })
      assert.deepEqual(await call('retire', input()), {
        id: made.identity.id,
        sn: 1,
        peers: [{ peer: 'bert', told: false }],
      })
      assert.deepEqual(await keyNames(home.path), [])
      const report = await call('key', {})
      assert.deepEqual([report.key, report.log.at(-1)?.type], [undefined, 'end'])
      await assert.rejects(call('retire', input()), { code: 'retired' })
    })
  }

  it('are not ended by a key that is sealed, or by the words of another', async () => {
    await makeSealed()
    await assert.rejects(call('retire', {}), { code: 'passphrase', details: { given: false } })
    const words = seedToWords(seedOf('other')).join(' ')
    await assert.rejects(call('retire', { words }), { code: 'wrong-words' })
    assert.equal((await call('key', {})).key, made.identity.key)
    await call('retire', { passphrase: 'geheim' })
    assert.equal((await call('key', {})).key, undefined)
  })

  it('are exported as the log that they are checked by, and a peer’s need a node', async () => {
    await make()
    const { file, ...exported } = await call('exportKeyLog', {})
    const { id, words } = made.identity
    assert.deepEqual(exported, { id, words, events: 1, frozen: false })
    assert.equal(file, await readFile(join(home.path, 'identity.json'), 'utf8'))
    await assert.rejects(call('exportKeyLog', { peer: 'bert' }), { code: 'daemon-not-running' })
  })

  it('are none where there is no node, and nothing is made there', async () => {
    const before = await contentOf(folder())
    await assert.rejects(call('key', {}), { code: 'no-identity' })
    await assert.rejects(call('rotate', routine), { code: 'no-identity' })
    assert.deepEqual(await contentOf(folder()), before)
    await rm(home.path, { recursive: true, force: true })
  })
})
