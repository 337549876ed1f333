import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { codeOf, readAnswer } from '../helpers/ask-home.ts'
import { begin, retire } from '../helpers/key-branch.ts'
import { keyLogOf } from '../helpers/key-logs.ts'
import { openNodes } from '../helpers/open-node.ts'
import type { OpenNodes } from '../helpers/open-node.ts'
import { idOfBranch } from '../helpers/test-pins.ts'

describe('a node', () => {
  const all = openNodes()
  let nodes: OpenNodes
  /** Takes connections and never says a word. */
  let silence: Server
  let sockets: Socket[]

  beforeEach(async () => {
    nodes = all()
    sockets = []
    silence = createServer((socket) => sockets.push(socket.on('error', () => undefined)))
    await new Promise<void>((resolve) => {
      silence.listen(0, '127.0.0.1', resolve)
    })
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => silence.close(resolve))
  })

  async function pinSilence(): Promise<void> {
    const { port } = silence.address() as AddressInfo
    const { id } = await keyLogOf('silent')
    await nodes.pin({ name: 'silent', id, addresses: [`/ip4/127.0.0.1/tcp/${port}`] })
  }

  it('answers its owner, and knows it after a restart', async () => {
    const first = await nodes.open()
    await first.start()
    const handle = await first.desk.ask({ peer: 'self', text: 'help' })
    const answer = await readAnswer(handle)
    assert.equal(codeOf(answer.final), 'done')
    await nodes.stop(first, 1_000)
    const second = await nodes.open()
    await second.start()
    assert.deepEqual(await readAnswer(await second.desk.find(handle.record.ask)), answer)
  })

  it('has its lobby open while anybody is pinned, also one that has ended its log', async () => {
    const node = await nodes.open()
    await node.start()
    assert.equal(node.lobby.open, false)
    const bert = begin('bert')
    await node.pins.edit({ op: 'add', peer: { name: 'bert', id: idOfBranch(bert) } })
    assert.equal(node.lobby.open, true)
    await node.pins.take(retire(bert).events)
    assert.equal(node.pins.byName('bert')?.retired, true)
    assert.equal(node.lobby.open, true)
    await node.pins.edit({ op: 'remove', name: 'bert' })
    assert.equal(node.lobby.open, false)
  })

  it('stops at once while it dials a peer that says nothing, and has the ask for it still', async () => {
    const first = await nodes.open()
    await pinSilence()
    await first.start()
    const { record } = await first.desk.ask({ peer: 'silent', text: 'hi', wait: true })
    while (sockets.length === 0) await new Promise(setImmediate)
    const begun = performance.now()
    await nodes.stop(first, 10_000)
    assert.ok(performance.now() - begun < 2_000)
    const second = await nodes.open()
    await second.start()
    assert.equal((await second.desk.find(record.ask)).record.final, undefined)
    assert.equal(second.asker.pending, 1)
  })

  it('cancels at once an ask to a peer that it still dials', async () => {
    const node = await nodes.open()
    await pinSilence()
    await node.start()
    const { record } = await node.desk.ask({ peer: 'silent', text: 'hi' })
    const begun = performance.now()
    const { record: cancelled } = await node.desk.cancel(record.ask)
    assert.equal(cancelled.state, 'cancelled')
    assert.ok(performance.now() - begun < 2_000)
  })

  it('is not opened twice', async () => {
    await nodes.open()
    await assert.rejects(nodes.open(), { code: 'locked' })
  })
})
