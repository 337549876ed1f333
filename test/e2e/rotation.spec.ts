import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import type { KeyReport } from '../../src/node/control/api.ts'
import { keptFolder } from '../../src/node/keys/kept-files.ts'
import { openKey } from '../../src/node/keys/key-files.ts'
import { readOwnLog } from '../../src/node/keys/own-log.ts'
import { wordsToSeed } from '../../src/protocol/recovery-words.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode, LiveNodeInit } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'
import { filesWith } from '../helpers/search-secret.ts'

/** All nodes of this suite have one address, and the tests do not wait for the minute of the next visit. */
const LOBBY = 'lobby: { per_minute: 100, per_address_per_minute: 100 }\n'

describe('a rotation of a node that runs', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode
  let thieves: LiveNode[] = []
  afterEach(async () => {
    await Promise.all(thieves.map((thief) => thief.kill()))
    thieves = []
  })

  /** Two nodes that run, have pinned each other and are linked. */
  async function pair(
    names: [string, string],
    init: LiveNodeInit = {},
  ): Promise<[LiveNode, LiveNode]> {
    const [one, two] = [await make(names[0], init), await make(names[1])]
    for (const { home } of [one, two]) await appendFile(home.config, LOBBY)
    const allow: ('ping' | 'ask' | 'key.rotate')[] = ['ping', 'ask', 'key.rotate']
    await one.pin(two, { allow })
    await two.pin(one, { allow })
    await Promise.all([one.start(), two.start()])
    await Promise.all([one.linkedTo(two), two.linkedTo(one)])
    return [one, two]
  }

  async function steal(node: LiveNode, name: string): Promise<LiveNode> {
    const thief = await node.stolen(name)
    thieves.push(thief)
    return thief
  }

  async function keyAt(node: LiveNode, peer: LiveNode): Promise<string | undefined> {
    const { peers } = await node.status()
    return peers.find(({ id }) => id === peer.id)?.key
  }

  async function openAlerts(node: LiveNode): Promise<string[]> {
    const alerts = await node.client.call('alerts', {})
    return alerts.filter(({ seenAt }) => seenAt === undefined).map(({ kind }) => kind)
  }

  async function getsNoAnswer(from: LiveNode, name: string): Promise<void> {
    const ping = from.client.call('ping', { name, timeoutMs: 500 })
    await assert.rejects(ping, { code: 'unreachable' })
  }

  async function calls(from: LiveNode, to: LiveNode): Promise<void> {
    await eventually(async () => {
      await from.client.call('ping', { name: to.name, timeoutMs: 2_000 })
    })
  }

  it('lets asks go on in both directions, each to its one final', async () => {
    ;[alice, bob] = await pair(['alice', 'bob'])
    const asks = [await alice.submit(bob, 'count 60'), await bob.submit(alice, 'count 60')]
    const { promise: underWay, resolve } = Promise.withResolvers<undefined>()
    const answers = [alice, bob].map((node, at) =>
      node.answer(asks[at] ?? '', 0, (text) => {
        if (text.startsWith('10')) resolve(undefined)
      }),
    )
    await underWay
    const { code, out } = await kith(alice, 'key', 'rotate')
    assert.equal(code, 0)
    assert.match(out, /this node has another key now: 12D3Koo/)
    assert.match(out, /bob +acknowledged/)
    for (const { final, seqs, text } of await Promise.all(answers)) {
      assert.equal(final.outcome, 'done')
      assert.deepEqual(
        seqs,
        Array.from({ length: 60 }, (_, at) => at + 1),
      )
      assert.equal(text.trim().split('\n').length, 60)
    }
    await calls(alice, bob)
    await calls(bob, alice)
    assert.equal(await keyAt(bob, alice), (await alice.status()).key)
  })

  it('is learnt at the next start when no node ran', async () => {
    await alice.stop()
    const { code, err } = await kith(alice, 'key', 'rotate')
    assert.equal(code, 0, err)
    assert.match(err, /peers learn of it at the next start/)
    await alice.start()
    await calls(alice, bob)
    await calls(bob, alice)
    await eventually(async () => {
      const { peers } = await alice.client.call('key', {})
      assert.deepEqual(
        peers.map(({ state }) => state),
        ['acknowledged'],
      )
    })
    assert.equal(await keyAt(bob, alice), (await alice.status()).key)
    assert.match((await kith(alice, 'key', 'status')).out, /bob +acknowledged/)
    assert.match((await kith(alice, 'key', 'drill')).out, /bob +is connected: acknowledges at once/)
  })

  it('shuts a stolen key out, and whoever has it can neither call nor rotate', async () => {
    const [carol, dave] = await pair(['carol', 'dave'], { rotationKeyOffHost: true })
    const thief = await steal(carol, 'thief-of-carol')
    // The owner of the words rotates: here in the same place, elsewhere in the next test.
    const { rotation: words } = carol.words
    await dave.client.call('keepRotationKey', { peer: 'carol', words })
    assert.equal((await kith(carol, 'key', 'rotate', '--compromise', '--yes')).code, 7)
    const { out: request } = await kith(carol, 'key', 'request')
    const { out: signed } = await kith(dave, 'key', 'sign', request.trim(), '--yes')
    assert.equal((await kith(carol, 'key', 'rotate', '--signed', signed.trim())).code, 0)
    await calls(dave, carol)
    await thief.start()
    const { code, err } = await kith(thief, 'ping', 'dave', '-c', '1', '--timeout', '500')
    assert.deepEqual([code, err.includes('dave')], [3, true])
    assert.equal((await kith(thief, 'key', 'rotate')).code, 7)
    assert.equal(await keyAt(dave, carol), (await carol.status()).key)
    assert.deepEqual(await openAlerts(dave), ['peer-compromised'])
    assert.ok((await openAlerts(thief)).includes('own-key-log-ahead'))
  })

  it('is signed on the laptop for a server that never has the key', async () => {
    const [server, laptop] = await pair(['server', 'laptop'], { rotationKeyOffHost: true })
    const { rotation } = server.words
    const kept = await kithWith(laptop, `${rotation}\n`, 'key', 'keep', 'server')
    assert.equal(kept.code, 0, kept.err)
    const before = (await server.status()).key
    const asking = kith(server, 'key', 'request', '--via', 'laptop', '--wait')
    await eventually(async () => {
      assert.equal((await laptop.client.call('key', {})).requests.length, 1)
    })
    assert.deepEqual(await openAlerts(laptop), ['rotation-requested'])
    const wanted = await server.client.call('key', {})
    const signed = await kith(laptop, 'key', 'sign', 'server', '--yes')
    assert.equal(signed.code, 0, signed.err)
    // What the person at the laptop sees is what waits at the server.
    assert.ok(signed.err.includes(wanted.waiting?.words.join(' ') ?? '-'))
    const { code, err, out } = await asking
    assert.equal(code, 0, err)
    assert.match(out, /this node has another key now/)
    assert.notEqual((await server.status()).key, before)
    await calls(laptop, server)
    await calls(server, laptop)

    const { state } = await readOwnLog(server.home.path)
    const folder = keptFolder(laptop.home.path, server.id)
    const next = await openKey(folder, state.nextCommitment, undefined)
    assert.ok(next !== undefined)
    for (const secret of [next.secret, wordsToSeed(rotation)]) {
      assert.deepEqual(await filesWith(server.home.path, secret), [])
    }
    await eventually(async () => {
      assert.deepEqual((await filesWith(laptop.home.path, next.secret)).length, 1)
      assert.deepEqual(await filesWith(laptop.home.path, wordsToSeed(rotation)), [])
    })
    for (const { lines } of [server.log, laptop.log]) {
      assert.ok(!JSON.stringify(lines).includes(rotation.split(' ').slice(0, 3).join(' ')))
    }
  })

  it('is undone by the recovery words after a thief has rotated with both keys', async () => {
    const [erin, frank] = await pair(['erin', 'frank'])
    const thief = await steal(erin, 'thief-of-erin')
    assert.equal((await kith(thief, 'key', 'rotate', '--compromise', '--yes')).code, 0)
    await thief.start()
    await calls(thief, frank)
    const thiefKey = (await thief.status()).key
    assert.equal(await keyAt(frank, erin), thiefKey)
    await eventually(async () => {
      assert.deepEqual(await openAlerts(erin), ['own-key-log-ahead'])
    })

    const proof = await kithWith(erin, erin.words.recovery, 'key', 'recover', '--dry-run')
    assert.equal(proof.code, 0, proof.err)
    const args = ['key', 'recover', '--clear', '--yes', '--json']
    const { code, err, out } = await kithWith(erin, erin.words.recovery, ...args)
    assert.equal(code, 0, err)
    const [made, done] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { recoveryWords?: string[]; report?: KeyReport })
    assert.equal(made?.recoveryWords?.length, 24)
    assert.equal(done?.report?.log.at(-1)?.type, 'rec')

    await eventually(async () => {
      assert.equal(await keyAt(frank, erin), done.report?.key)
    })
    await calls(erin, frank)
    await calls(frank, erin)
    assert.ok((await openAlerts(frank)).includes('peer-recovered'))
    await getsNoAnswer(thief, 'frank')
    // It still has a rotation key, and that is worth nothing now.
    await thief.client.call('rotate', { why: 'routine', graceSeconds: 0 })
    await getsNoAnswer(thief, 'frank')
    assert.equal(await keyAt(frank, erin), done.report.key)
    const why = await kith(frank, 'peers', 'why', 'erin')
    assert.match(why.out, /1 +recovery/)
    assert.match(why.out, /event 1 decides/)
    const words = made.recoveryWords.join(' ')
    assert.equal((await erin.client.call('checkRecovery', { words })).id, erin.id)
    assert.deepEqual(await filesWith(erin.home.path, wordsToSeed(words)), [])
  })
})
