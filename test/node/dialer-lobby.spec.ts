import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Dialer } from '../../src/node/dialer.ts'
import type { KnownPeer, Peer } from '../../src/node/pins.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { settle } from '../helpers/memory-channel.ts'
import { StubLinks, StubMesh, named } from '../helpers/stub-mesh.ts'
import type { Place } from '../helpers/stub-mesh.ts'
import { peerOf } from '../helpers/stub-pins.ts'

const [A, B] = ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/2'] as const
const BERT = peerOf('bert', { addresses: [A] })

describe('dialling a node whose key may not be known', () => {
  let clock: ManualClock
  let links: StubLinks
  let mesh: StubMesh
  let peer: Peer
  let dialer: Dialer
  /** The peer knows the key that we have now. */
  let aware: boolean

  beforeEach(() => {
    clock = new ManualClock()
    links = new StubLinks(clock)
    mesh = new StubMesh(links)
    peer = BERT
    aware = true
    const pins = { peers: () => [peer], byName: () => peer, onChange: () => () => undefined }
    const log = pino({ level: 'silent' })
    const components = { pins, links, mesh, clock, random: () => 0.5, log }
    dialer = new Dialer({ ...components, knowsUs: () => aware })
  })
  afterEach(async () => {
    await dialer.stop()
  })

  async function start(place: Place, lobby: Place = place): Promise<string[]> {
    mesh.at.set(A, place)
    mesh.lobbyAt.set(A, lobby)
    dialer.start()
    await settle()
    return mesh.tried.splice(0)
  }

  it('goes straight to one whose key is known', async () => {
    assert.deepEqual(await start(BERT), [`dial ${A}`])
  })

  const unknown: [name: string, peer: Peer][] = [
    ['by id alone', { ...BERT, key: undefined }],
    ['by key alone', { ...BERT, id: undefined }],
  ]
  for (const [name, waiting] of unknown) {
    it(`goes to the lobby first when it is pinned ${name}`, async () => {
      peer = waiting
      assert.deepEqual(await start(BERT), [`lobby ${A}`, `dial ${A}`])
      assert.notEqual(links.get(BERT.id), undefined)
    })
  }

  it('goes to the lobby first when it may not know our key, until it does', async () => {
    aware = false
    assert.deepEqual(await start(BERT), [`lobby ${A}`, `dial ${A}`])
    aware = true
    clock.advance(60_000)
    links.down(BERT)
    await settle()
    clock.advance(250)
    await settle()
    assert.deepEqual(mesh.tried.splice(0), [`dial ${A}`])
  })

  const lost = (what: string): KithError =>
    new KithError('connection-lost', what, { peer: 'kith1bert' })
  const strangers: [name: string, err: Error][] = [
    ['another key answered', lost('another key')],
    ['the peer hung up', lost('hung up')],
  ]
  for (const [name, err] of strangers) {
    it(`goes to the lobby in the same attempt when ${name}`, async () => {
      assert.deepEqual(await start(err, BERT), [`dial ${A}`, `lobby ${A}`, `dial ${A}`])
    })
  }

  for (const err of [
    new Error('connect ECONNREFUSED'),
    named('TimeoutError'),
    named('AbortError'),
  ]) {
    it(`does not when nobody is there: ${err.name} ${err.message}`, async () => {
      assert.deepEqual(await start(err, BERT), [`dial ${A}`])
    })
  }

  it('goes there first from then on, at every address, until it has a link', async () => {
    peer = { ...BERT, pin: { ...BERT.pin, addresses: [A, B] } }
    const closed = new Error('nobody in the lobby')
    assert.deepEqual(await start(lost('another key'), closed), [
      `dial ${A}`,
      `lobby ${A}`,
      `lobby ${B}`,
    ])
    mesh.at.set(A, BERT)
    mesh.lobbyAt.set(A, BERT)
    clock.advance(5_000)
    await settle()
    assert.deepEqual(mesh.tried.splice(0), [`lobby ${A}`, `dial ${A}`])
    clock.advance(60_000)
    links.down(BERT)
    await settle()
    clock.advance(250)
    await settle()
    assert.deepEqual(mesh.tried.splice(0), [`dial ${A}`])
  })

  it('does not take another pinned node for it', async () => {
    peer = { ...BERT, key: undefined }
    const carol: KnownPeer = peerOf('carol')
    assert.deepEqual(await start(carol), [`lobby ${A}`])
    assert.match(dialer.state('bert')?.lastError ?? '', /address of carol/)
    assert.equal(links.get(BERT.id), undefined)
    assert.equal(links.get(carol.id), undefined)
  })
})
