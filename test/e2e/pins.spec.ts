import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { linkedPair, liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

/** An answer that is a refusal of the grant. */
const DENIED = { outcome: 'failed', code: 'denied', details: { rule: 'allow' } }

describe('pins of a running node', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    ;({ alice, bob } = await linkedPair(make, { allow: ['ping'] }))
  })

  async function connectedAt(): Promise<number | undefined> {
    return (await bob.status()).peers[0]?.connectedAt
  }

  /** Changes bob's peers.yaml as an editor does, and waits until bob has noticed. */
  async function edit(change: (text: string) => string, noticed: string): Promise<void> {
    const from = bob.log.mark
    const text = await readFile(bob.home.peers, 'utf8')
    await writeFile(bob.home.peers, change(text), { mode: 0o600 })
    await bob.logLine(({ msg }) => msg === noticed, from)
  }

  it('refuse what is not granted', async () => {
    assert.deepEqual((await alice.ask(bob, 'echo hi')).final, DENIED)
  })

  it('grant from the next call on, over the same link, when they change by command', async () => {
    const since = await connectedAt()
    await bob.client.call('editPeers', { op: 'allow', name: 'alice', grants: ['ask'] })
    assert.equal((await alice.ask(bob, 'echo hi')).text, 'hi')
    await bob.client.call('editPeers', { op: 'deny', name: 'alice', grants: ['ask'] })
    assert.deepEqual((await alice.ask(bob, 'echo hi')).final, DENIED)
    assert.equal(await connectedAt(), since)
  })

  it('grant from the next call on, over the same link, when they change by hand', async () => {
    const since = await connectedAt()
    await edit((text) => text.replace('[ping]', '[ask]'), 'pins in force')
    assert.equal((await alice.ask(bob, 'echo hi')).text, 'hi')
    await assert.rejects(alice.client.call('ping', { name: 'bob' }), {
      code: 'denied',
      details: { rule: 'allow' },
    })
    await edit((text) => text.replace('[ask]', '[ping]'), 'pins in force')
    await alice.client.call('ping', { name: 'bob' })
    assert.deepEqual((await alice.ask(bob, 'echo hi')).final, DENIED)
    assert.equal(await connectedAt(), since)
  })

  it('give an ask the tools of its preset and no more', async () => {
    await edit((text) => text.replace('[ping]', '[ping, ask]'), 'pins in force')
    const { final } = await alice.ask(bob, 'remember the milk')
    assert.deepEqual(final, { outcome: 'failed', code: 'denied', details: { rule: 'preset' } })
  })

  it('stay as they were when the file cannot be read, loudly, until it can', async () => {
    const good = await readFile(bob.home.peers, 'utf8')
    await edit((text) => `${text}    alow: [ask]\n`, 'peers file not taken, last good one kept')
    const { health, problems } = await bob.status()
    assert.equal(health, 'degraded')
    const line = good.split('\n').length
    assert.match(problems[0]?.what ?? '', new RegExp(`peers.yaml:${line}:5: .*alow`))
    assert.match(problems[0]?.hint ?? '', new RegExp(`edit line ${line}`))
    assert.equal((await alice.ask(bob, 'echo hi')).text, 'hi')
    await edit(() => good, 'pins in force')
    const mended = await bob.status()
    assert.equal(mended.health, 'healthy')
    assert.ok(!mended.problems.some(({ what }) => what.includes('peers.yaml')))
  })

  it('stay as they were when others can write the file', async () => {
    const from = bob.log.mark
    await chmod(bob.home.peers, 0o664)
    const { err } = await bob.logLine(({ level }) => level === 'error', from)
    assert.equal((err as { code: string }).code, 'unsafe-file')
    assert.equal((await bob.status()).health, 'degraded')
    assert.equal((await alice.ask(bob, 'echo hi')).text, 'hi')
    const mending = bob.log.mark
    await chmod(bob.home.peers, 0o600)
    await bob.logLine(({ msg }) => msg === 'pins in force', mending)
    assert.equal((await bob.status()).health, 'healthy')
  })

  it('cut the link of a peer as soon as it is removed, and its ask with it', async () => {
    const from = [alice.log.mark, bob.log.mark] as const
    const ask = await alice.submit(bob, 'count 1000')
    await bob.client.call('editPeers', { op: 'remove', name: 'alice' })
    const cut = await bob.logLine(({ msg }) => msg === 'peer disconnected', from[1])
    assert.equal(cut['reason'], 'unpinned')
    await alice.logLine(({ msg }) => msg === 'peer disconnected', from[0])
    assert.deepEqual((await bob.status()).peers, [])
    await assert.rejects(alice.client.call('ping', { name: 'bob' }), { code: 'unreachable' })
    const stopped = await bob.answer(ask)
    assert.deepEqual(stopped.final, { outcome: 'failed', code: 'cancelled', details: {} })
    await alice.client.call('cancelAsk', { ask })
  })
})

describe('a node whose peers.yaml others can write', () => {
  const make = liveNodes()

  it('does not start', async () => {
    const node = await make('node')
    await node.pin(node, { name: 'other', id: `kith1${'a'.repeat(52)}` })
    await chmod(node.home.peers, 0o620)
    const { code, stderr } = await node.launch()
    assert.equal(code, 1)
    const failure = JSON.parse(stderr) as { code: string; hint: string }
    assert.equal(failure.code, 'unsafe-file')
    assert.equal(failure.hint, `chmod 600 ${node.home.peers}`)
  })
})
