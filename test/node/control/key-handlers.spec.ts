import assert from 'node:assert/strict'
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { CallName, Output } from '../../../src/node/control/api.ts'
import { createHandlers } from '../../../src/node/control/handlers.ts'
import type { Handlers } from '../../../src/node/control/handlers.ts'
import { settlementOf } from '../../../src/node/control/handlers/settle.ts'
import { parseKeyLogFile, readOwnLog } from '../../../src/node/keys/own-log.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { eventually } from '../../helpers/eventually.ts'
import { CLEAR, contentOf, rotateHere, ROUTINE } from '../../helpers/key-homes.ts'
import { begin, rotate } from '../../helpers/key-branch.ts'
import type { Branch } from '../../helpers/key-branch.ts'
import { openNodes } from '../../helpers/open-node.ts'
import type { OpenNodes } from '../../helpers/open-node.ts'
import { idOfBranch, keyOf } from '../../helpers/test-pins.ts'

const { signal } = new AbortController()

describe('control handlers of keys', () => {
  const all = openNodes()
  let nodes: OpenNodes
  let node: KithNode
  let words: { recovery: string; rotation: string }

  beforeEach(() => {
    nodes = all()
  })

  async function open(options: { rotationKeyOffHost?: true } = {}): Promise<void> {
    const { recoveryWords, rotationWords = [] } = await nodes.make('node', options)
    words = { recovery: recoveryWords.join(' '), rotation: rotationWords.join(' ') }
    node = await nodes.open()
    await node.start()
  }

  /** What a route of `of` gives, which must be what its schema says: the server does not look. */
  async function call<N extends CallName>(
    name: N,
    input: Parameters<Handlers[N]>[0],
    of = node,
  ): Promise<Output<N>> {
    const handlers = createHandlers(of, { readyAfterMs: () => 7, stop: () => undefined })
    const handle = handlers[name] as (
      input: Parameters<Handlers[N]>[0],
      signal: AbortSignal,
    ) => Promise<Output<N>>
    const output = await handle(input, signal)
    const overWire: unknown = JSON.parse(JSON.stringify(output))
    assert.deepEqual(ROUTES[name].output.parse(overWire), overWire)
    return output
  }

  /** A peer of the node that runs and is linked with it. The two are called `peer` and `node`. */
  async function withPeer(): Promise<KithNode> {
    const peer = await nodes.open('peer')
    const allow: ('ping' | 'key.rotate')[] = ['ping', 'key.rotate']
    await nodes.pin({ name: 'node', id: node.self.id, allow }, 'peer')
    await peer.start()
    await call('editPeers', {
      op: 'add',
      peer: { name: 'peer', id: peer.self.id, addresses: peer.mesh.addresses(), allow },
    })
    await call('ping', { name: 'peer' })
    return peer
  }

  const routine = { why: 'routine', graceSeconds: 60 } as const

  it('show the keys of a node, and who knows them', async () => {
    await open()
    const peer = await withPeer()
    const { id, key, log, peers, requests, rotationKey, sn, windowHours } = await call('key', {})
    assert.deepEqual(
      { id, key, requests, rotationKey, sn, windowHours },
      {
        id: node.self.id,
        key: node.self.key,
        requests: [],
        rotationKey: 'here',
        sn: 0,
        windowHours: 72,
      },
    )
    assert.deepEqual(
      log.map((event) => [event.type, event.key]),
      [['icp', node.self.key]],
    )
    assert.deepEqual(peers, [{ peer: 'peer', state: 'acknowledged', connected: true }])
    const why = await call('peerKeys', { name: 'node' }, peer)
    assert.deepEqual([why.state, why.log.length, why.conflict], ['in-force', 1, []])
    assert.ok((why.log[0]?.seenAt ?? 0) > 0)
  })

  it('rotate, and the peer follows', async () => {
    await open()
    const peer = await withPeer()
    const outcome = await call('rotate', routine)
    assert.ok(outcome.state === 'rotated')
    const { report } = outcome
    assert.equal(report.key, node.self.key)
    assert.ok((report.graceEndsAt ?? 0) > Date.now())
    const [known] = report.peers
    assert.deepEqual([known?.state, known?.sn], ['acknowledged', 1])
    await call('ping', { name: 'peer' })
    const why = await call('peerKeys', { name: 'node' }, peer)
    assert.deepEqual([why.log[1]?.key, why.log[1]?.why], [report.key, 'routine'])
    assert.ok((why.graceEndsAt ?? 0) > Date.now())
  })

  it('ask a peer for its signature over the mesh, and finish what it has signed', async () => {
    await open({ rotationKeyOffHost: true })
    const peer = await withPeer()
    await assert.rejects(call('requestRotation', { via: 'peer' }), { code: 'no-rotation' })
    const outcome = await call('rotate', routine)
    assert.ok(outcome.state === 'waiting')
    const { endorsement: none, request, rotation } = await call('requestRotation', { via: 'peer' })
    assert.deepEqual([none, rotation], [undefined, outcome.rotation])
    const [wanted] = (await call('key', {}, peer)).requests
    assert.deepEqual(
      [wanted?.peer, wanted?.request, wanted?.words, wanted?.endorsed],
      ['node', request, rotation.words, false],
    )
    await assert.rejects(call('signRotation', { request }, peer), { code: 'key-not-kept' })
    const wrong = words.recovery
    await assert.rejects(call('keepRotationKey', { peer: 'node', words: wrong }, peer), {
      code: 'wrong-words',
    })
    await call('keepRotationKey', { peer: 'node', words: words.rotation }, peer)
    await call('signRotation', { request }, peer)
    const { endorsement } = await call('requestRotation', { via: 'peer' })
    assert.ok(endorsement !== undefined)
    const report = await call('completeRotation', { endorsement })
    assert.deepEqual([report.sn, report.key, report.waiting], [1, rotation.key, undefined])
    await eventually(async () => {
      assert.deepEqual((await call('key', {}, peer)).requests, [])
    })
  })

  it('sign what was carried, as it was looked at', async () => {
    await open({ rotationKeyOffHost: true })
    const peer = await withPeer()
    await call('keepRotationKey', { peer: 'node', words: words.rotation }, peer)
    await call('rotate', { why: 'compromise', graceSeconds: 0, lastGoodAt: Date.now() - 1_000 })
    const { request, rotation } = await call('requestRotation', {})
    const inspected = await call('inspectRotation', { request }, peer)
    assert.deepEqual(inspected, { ...rotation, peer: 'node', id: node.self.id, request })
    const { endorsement } = await call('signRotation', { request }, peer)
    assert.equal((await call('completeRotation', { endorsement })).sn, 1)
    for (const text of ['', 'kith://r/1/AA', request.slice(0, -4)]) {
      for (const name of ['inspectRotation', 'signRotation'] as const) {
        await assert.rejects(call(name, { request: text }, peer), isRefusal)
      }
    }
    // It has come into force: there is nothing to sign any more.
    await eventually(async () => {
      await assert.rejects(call('signRotation', { request }, peer), { code: 'bad-request' })
    })
  })

  it('move the rotation key off the host', async () => {
    await open()
    const { words: exported } = await call('exportRotationKey', {})
    await call('forgetRotationKey', { words: exported.join(' ') })
    assert.equal((await call('key', {})).rotationKey, 'off-host')
    assert.equal((await call('rotate', routine)).state, 'waiting')
  })

  it('recover, in two steps', async () => {
    await open()
    const { recovery } = words
    assert.deepEqual(await call('checkRecovery', { words: recovery }), { id: node.self.id, sn: 1 })
    const made = await call('prepareRecovery', { words: recovery, protection: CLEAR })
    assert.deepEqual(
      [made.recoveryWords.length, made.rotationWords, node.self.state.sn],
      [24, undefined, 0],
    )
    const report = await call('commitRecovery', {})
    assert.deepEqual([report.log.at(-1)?.type, report.key], ['rec', node.self.key])
    assert.equal((await readOwnLog(node.home.path)).events.length, 2)
  })

  it('recover from a thief of the rotation key who has frozen the node at a peer', async () => {
    await open()
    const peer = await withPeer()
    const copy = `${node.home.path}-stolen`
    for (const part of ['identity.json', 'keys']) {
      await cp(join(node.home.path, part), join(copy, part), { recursive: true })
    }
    const stolen = await rotateHere(copy, { ...ROUTINE, at: Date.now() })
    await call('rotate', routine)
    await peer.pins.take(stolen.log)
    assert.equal((await call('peerKeys', { name: 'node' }, peer)).state, 'frozen')

    const init = { words: words.recovery, protection: CLEAR }
    assert.equal((await call('checkRecovery', init)).sn, 1)
    await call('prepareRecovery', init)
    const report = await call('commitRecovery', {})
    assert.deepEqual(
      report.log.map(({ type }) => type),
      ['icp', 'rec'],
    )
    await eventually(async () => {
      const why = await call('peerKeys', { name: 'node' }, peer)
      assert.deepEqual([why.state, why.log.at(-1)?.key], ['in-force', report.key])
    })
    await call('ping', { name: 'peer' })
  })

  it('retire the node, tell its peers, and stop it', async () => {
    await open()
    const peer = await withPeer()
    const { id } = node.self
    const bert = begin('bert')
    await call('editPeers', { op: 'add', peer: { name: 'bert', id: idOfBranch(bert) } })
    let stops = 0
    const handlers = createHandlers(node, { readyAfterMs: () => 7, stop: () => stops++ })
    await assert.rejects(handlers.retire({ words: 'zoo' }, signal), { code: 'usage' })
    assert.deepEqual([stops, (await call('key', {})).sn], [0, 0])

    const report = await handlers.retire({}, signal)
    const peers = [
      { peer: 'peer', told: true },
      { peer: 'bert', told: false },
    ]
    assert.deepEqual(ROUTES.retire.output.parse(report), { id, sn: 1, peers })
    assert.equal(stops, 1)
    const why = await call('peerKeys', { name: 'node' }, peer)
    assert.deepEqual([why.state, why.log.at(-1)?.type], ['retired', 'end'])
    const [known] = await call('peers', {}, peer)
    assert.deepEqual([known?.state, known?.key], ['retired', undefined])
    const alerts = await call('alerts', {}, peer)
    assert.deepEqual(
      alerts.map(({ kind }) => kind),
      ['peer-retired'],
    )
    await assert.rejects(call('ping', { name: 'node' }, peer), {
      code: 'unreachable',
      hint: 'kith peers remove node',
    })
  })

  it('export the key log of this node, and of a peer as it is held, also when that is frozen', async () => {
    await open()
    const bert = begin('bert')
    const own = await call('exportKeyLog', {})
    assert.deepEqual([own.id, own.events, own.frozen], [node.self.id, 1, false])
    await call('editPeers', { op: 'add', peer: { name: 'bert', id: idOfBranch(bert) } })
    await assert.rejects(call('exportKeyLog', { peer: 'bert' }), {
      code: 'unknown-peer',
      hint: 'kith ping bert',
    })
    const [one, two] = [rotate(bert, 'one'), rotate(bert, 'two')]
    for (const { events } of [one, two]) await node.pins.take(events)
    const exported = await call('exportKeyLog', { peer: 'bert' })
    assert.deepEqual([exported.events, exported.frozen], [2, true])
    assert.deepEqual(parseKeyLogFile(Buffer.from(exported.file)), one.events)
  })

  it('say why a peer is frozen, with both branches', async () => {
    await open()
    const bert = begin('bert')
    await call('editPeers', { op: 'add', peer: { name: 'bert', id: idOfBranch(bert) } })
    assert.equal((await call('peerKeys', { name: 'bert' })).state, 'waiting')
    for (const name of ['one', 'two']) await node.pins.take(rotate(bert, name).events)
    const why = await call('peerKeys', { name: 'bert' })
    assert.deepEqual([why.state, why.log.length, why.conflict[0]?.sn], ['frozen', 2, 1])
    await assert.rejects(call('peerKeys', { name: 'nobody' }), { code: 'unknown-peer' })
  })

  describe('of a frozen peer', () => {
    const bert = begin('bert')
    const [one, two] = [rotate(bert, 'one'), rotate(bert, 'two')]

    beforeEach(async () => {
      await open()
      await call('editPeers', { op: 'add', peer: { name: 'bert', id: idOfBranch(bert) } })
      for (const { events } of [one, two]) await node.pins.take(events)
    })

    function hashOf({ events }: Branch): string {
      return Buffer.from(validateKeyLog(events).head).toString('hex')
    }

    for (const [name, kept] of [
      ['held', one],
      ['against it', two],
    ] as const) {
      it(`settle it on the branch that is ${name}, once the person has seen which`, async () => {
        const hash = hashOf(kept)
        const input = { name: 'bert', hash: hash.slice(0, 8) }
        const shown = await call('settlePeer', { ...input, dryRun: true })
        assert.deepEqual([shown.hash, shown.log.length], [hash, 2])
        assert.equal(shown.log[1]?.key, keyOf(kept))
        assert.equal((await call('peerKeys', { name: 'bert' })).state, 'frozen')
        const alerts = await call('alerts', {})
        assert.deepEqual(await call('settlePeer', input), shown)
        const why = await call('peerKeys', { name: 'bert' })
        assert.deepEqual([why.state, why.log[1]?.key], ['in-force', keyOf(kept)])
        assert.deepEqual(await call('alerts', {}), alerts)
        await assert.rejects(call('settlePeer', input), { code: 'not-frozen' })
      })
    }

    it('settle it, and dial it at once', async () => {
      const addresses = ['/ip4/127.0.0.1/tcp/1']
      await call('editPeers', { op: 'set-addresses', name: 'bert', addresses })
      await eventually(() => {
        assert.equal(node.dialer.state('bert')?.failures, 1)
      })
      await call('settlePeer', { name: 'bert', hash: hashOf(two) })
      assert.equal(node.dialer.state('bert')?.failures, 0)
    })

    it('settle nothing on a hash that is of neither branch, nor for a peer that is not there', async () => {
      const hash = hashOf(bert)
      await assert.rejects(call('settlePeer', { name: 'bert', hash }), { code: 'unknown-branch' })
      await assert.rejects(call('settlePeer', { name: 'nobody', hash }), { code: 'unknown-peer' })
      assert.equal((await call('peerKeys', { name: 'bert' })).state, 'frozen')
    })

    it('settle nothing on the beginning of both hashes', async () => {
      const report = await call('peerKeys', { name: 'bert' })
      const last = report.conflict[0]
      assert.ok(last)
      const hash = `${(report.log[1]?.hash ?? '').slice(0, 12)}${last.hash.slice(12)}`
      const alike = { ...report, conflict: [{ ...last, hash }] }
      assert.throws(() => settlementOf(alike, hash.slice(0, 12)), { code: 'unknown-branch' })
      assert.equal(settlementOf(alike, hash).hash, hash)
    })
  })

  it('rehearse a rotation, and touch nothing', async () => {
    await open()
    await withPeer()
    const bert = begin('bert')
    await call('editPeers', { op: 'add', peer: { name: 'bert', id: idOfBranch(bert) } })
    // The last of what is written because of the edit.
    await eventually(async () => {
      const log = await readFile(join(node.home.logs, 'audit.log'), 'utf8')
      assert.match(log, /peer bert was added/)
    })
    await node.audit.flush()
    const [before, key] = [await contentOf(node.home.path), node.self.key]
    const { findings, state } = await call('drillRotation', {})
    assert.deepEqual(await contentOf(node.home.path), before)
    assert.deepEqual([node.self.key, node.self.state.sn], [key, 0])
    assert.equal(state, 'warn')
    const found = Object.fromEntries(findings.map((finding) => [finding.check, finding]))
    assert.match(found['peer']?.what ?? '', /acknowledges at once/)
    assert.match(found['bert']?.what ?? '', /only catch up when it dials/)
    assert.match(found['rotation-key']?.what ?? '', /is here and opens/)
  })
})

function isRefusal(err: unknown): boolean {
  return isFailure(err, 'usage') || isFailure(err, 'bad-request')
}
