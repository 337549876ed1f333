import assert from 'node:assert/strict'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { StrangersReport } from '../../../src/node/control/api.ts'
import { createHandlers } from '../../../src/node/control/handlers.ts'
import type { Handlers } from '../../../src/node/control/handlers.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { openNodes } from '../../helpers/open-node.ts'
import type { OpenNodes } from '../../helpers/open-node.ts'

const { signal } = new AbortController()

describe('control handlers of strangers', () => {
  const all = openNodes()
  let nodes: OpenNodes
  let node: KithNode
  /** Has pinned the node, which has not pinned it. */
  let caller: KithNode
  let handlers: Handlers

  beforeEach(async () => {
    nodes = all()
    node = await nodes.open()
    caller = await nodes.open('caller')
    handlers = createHandlers(node, { readyAfterMs: () => 0, stop: () => undefined })
    await node.start()
    const addresses = node.mesh.addresses()
    await nodes.pin({ name: 'node', id: node.self.id, addresses, allow: ['ping'] }, 'caller')
    await caller.start()
  })

  async function report(): Promise<StrangersReport> {
    const output = await handlers.strangers({}, signal)
    const overWire: unknown = JSON.parse(JSON.stringify(output))
    assert.deepEqual(ROUTES.strangers.output.parse(overWire), overWire)
    return output
  }

  async function called(): Promise<StrangersReport['pending']> {
    return await eventually(async () => {
      const { pending } = await report()
      assert.ok(pending.length > 0)
      return pending
    })
  }

  /** Has the caller try again, as it does by itself after a while. */
  async function callAgain(): Promise<void> {
    const peer = caller.pins.byName('node')
    assert.ok(peer !== undefined)
    await caller.dialer.connect(peer, AbortSignal.timeout(10_000))
  }

  it('list who has called', async () => {
    const [stranger, ...others] = await called()
    assert.deepEqual([stranger?.key, stranger?.address], [caller.self.key, '127.0.0.1'])
    assert.deepEqual(others, [])
  })

  it('accept it: it is pinned by its key, calls again, and its id takes the place', async () => {
    await called()
    const input = { key: caller.self.key, name: 'bert', allow: ['ping' as const] }
    const pinned = await handlers.acceptStranger(input, signal)
    assert.deepEqual(ROUTES.acceptStranger.output.parse(pinned), pinned)
    assert.deepEqual(
      [pinned.name, pinned.key, pinned.state, pinned.allow],
      ['bert', caller.self.key, 'waiting', ['ping']],
    )
    assert.deepEqual((await report()).pending, [])
    await eventually(callAgain)
    await eventually(() => {
      assert.ok(node.links.get(caller.self.id))
    })
    assert.equal(node.pins.byName('bert')?.pin.id, caller.self.id)
    assert.deepEqual((await report()).pending, [])
  })

  it('accept nobody who has not called, and none under a name that is taken', async () => {
    const { key } = node.self
    await assert.rejects(handlers.acceptStranger({ key, name: 'bert' }, signal), {
      code: 'unknown-stranger',
    })
    await called()
    await nodes.pin({ name: 'bert', id: caller.self.id.replace(/.$/, 'a') })
    const input = { key: caller.self.key, name: 'bert' }
    await assert.rejects(handlers.acceptStranger(input, signal), { code: 'exists' })
    assert.equal((await report()).pending.length, 1)
  })

  it('deny it: it is not listed again', async () => {
    const { key } = caller.self
    await called()
    await handlers.denyStranger({ key }, signal)
    await assert.rejects(callAgain())
    const { denied, pending } = await report()
    assert.deepEqual([pending, denied.map((denial) => denial.key)], [[], [key]])
  })

  it('block it: it cannot be accepted nor pinned, until it is unblocked', async () => {
    const { key } = caller.self
    await called()
    await handlers.block({ who: key }, signal)
    await assert.rejects(callAgain())
    const { blocked, pending } = await report()
    assert.deepEqual([pending, blocked.map(({ who }) => who)], [[], [key]])
    const refused = { code: 'blocked', details: { who: key } }
    await assert.rejects(handlers.acceptStranger({ key, name: 'bert' }, signal), refused)
    const add = { op: 'add' as const, peer: { name: 'bert', key } }
    await assert.rejects(handlers.editPeers(add, signal), refused)
    await handlers.unblock({ who: key }, signal)
    await assert.rejects(callAgain())
    await called()
    await handlers.editPeers(add, signal)
    await eventually(callAgain)
  })

  it('leave a block in force when somebody writes the pin into the file, and say so', async () => {
    const { id, key } = caller.self
    await called()
    await handlers.block({ who: id }, signal)
    await nodes.pin({ name: 'bert', key })
    await eventually(() => {
      assert.ok(node.pins.byName('bert'))
    })
    await assert.rejects(callAgain())
    assert.equal(node.links.get(id), undefined)
    const { problems } = await handlers.status({}, signal)
    assert.ok(problems.some(({ hint }) => hint === `kith peers unblock ${id}`))
  })

  const inputs: [route: keyof typeof ROUTES, input: Record<string, string>, good: boolean][] = [
    ['denyStranger', { key: 'bert' }, false],
    ['block', { who: 'bert' }, false],
    ['block', { who: `kith1${'a'.repeat(52)}` }, true],
    ['block', { who: '12D3KooWDW3iHE5fsdrs8JtKL3u5yyA3EKc4XxamyPNcXsyhGZpA' }, true],
    ['acceptStranger', { key: '00'.repeat(32), name: 'bert' }, false],
  ]
  for (const [route, input, good] of inputs) {
    it(`${good ? 'take' : 'refuse'} ${JSON.stringify(input)} for ${route}`, () => {
      assert.equal(ROUTES[route].input.safeParse(input).success, good)
    })
  }
})
