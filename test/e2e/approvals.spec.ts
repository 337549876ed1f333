import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isOpen } from '../../src/node/alerts.ts'
import { approvalHandlers } from '../../src/node/control/handlers/approvals.ts'
import type { AskHandle } from '../../src/node/asks/handle.ts'
import type { KithNode } from '../../src/node/node.ts'
import { codeOf, readAnswer } from '../helpers/ask-home.ts'
import { eventually } from '../helpers/eventually.ts'
import { openNodes } from '../helpers/open-node.ts'
import type { OpenNodes } from '../helpers/open-node.ts'

const { signal } = new AbortController()

describe('approvals between nodes', function () {
  this.timeout(30_000)
  const all = openNodes()
  let nodes: OpenNodes
  /** Bert's asks wait here for a person before they write anything. */
  let server: KithNode
  /** Another node of the server's owner. */
  let laptop: KithNode
  let bert: KithNode

  beforeEach(async () => {
    nodes = all()
    server = await nodes.open('server')
    laptop = await nodes.open('laptop')
    bert = await nodes.open('bert')
    for (const [name, node] of Object.entries({ laptop, bert })) {
      await nodes.pin({ name: 'server', id: server.self.id }, name)
      await node.start()
    }
    const ask = { preset: 'write', approve: ['write' as const] }
    await nodes.pin({ ...rowOf('laptop', laptop), allow: ['approve'] }, 'server')
    await nodes.pin({ ...rowOf('bert', bert), allow: ['ask', 'approve'], ask }, 'server')
    await server.start()
    await linked()
  })

  function rowOf(name: string, node: KithNode): { name: string; id: string; addresses: string[] } {
    return { name, id: node.self.id, addresses: node.mesh.addresses() }
  }

  async function linked(): Promise<void> {
    await eventually(() => {
      for (const node of [laptop, bert]) assert.ok(node.links.get(server.self.id))
    })
  }

  function at(node: KithNode): ReturnType<typeof approvalHandlers> {
    const { agent, caller, http, pins, self } = node
    const submitterOf = async (ask: string): Promise<string | undefined> =>
      await http.tasks.submitterOf(ask)
    return approvalHandlers({ approvals: agent.approvals, caller, pins, self, submitterOf })
  }

  /** Starts an ask of bert's, and gives the id of the approval that it waits for. */
  async function waiting(): Promise<{ handle: AskHandle; approval: string }> {
    const handle = await bert.desk.ask({ peer: 'server', text: 'remember milk' })
    for await (const { body } of handle.read(0)) {
      if (body.kind === 'approval') return { handle, approval: body.approval }
    }
    throw new Error('the ask did not wait')
  }

  async function logged(): Promise<string[]> {
    const text = await readFile(join(server.home.path, 'logs', 'approval.log'), 'utf8')
    const lines = text.trimEnd().split('\n')
    return lines.map((line) => String((JSON.parse(line) as { verdict: unknown }).verdict))
  }

  it('are answered by another node of the owner, and the call runs', async () => {
    const { approval, handle } = await waiting()
    const [listed, ...others] = await at(laptop).approvals({ peer: 'server' }, signal)
    assert.deepEqual([listed?.approval, listed?.asker], [approval, bert.self.id])
    assert.deepEqual(others, [])
    assert.equal(server.alerts.list().filter(isOpen).length, 1)
    const input = { approval, answer: 'once', peer: 'server' } as const
    const answered = await at(laptop).answerApproval(input, signal)
    assert.deepEqual(answered, { approval, state: 'granted' })
    assert.equal(codeOf((await readAnswer(handle)).final), 'done')
    assert.deepEqual(server.alerts.list().filter(isOpen), [])
    assert.deepEqual(await logged(), ['granted'])
  })

  it('are refused to the peer that asked, though it has the right', async () => {
    const { approval, handle } = await waiting()
    assert.deepEqual(await at(bert).approvals({ peer: 'server' }, signal), [])
    const input = { approval, answer: 'always', peer: 'server' } as const
    await assert.rejects(at(bert).answerApproval(input, signal), {
      code: 'denied',
      details: { rule: 'asker' },
    })
    assert.equal(server.agent.approvals.get(approval).state, 'open')
    await at(server).answerApproval({ approval, answer: 'deny' }, signal)
    assert.equal(codeOf((await readAnswer(handle)).final), 'denied')
  })

  it('are answered after a restart of the node that waits, and the call runs once', async () => {
    const { approval, handle } = await waiting()
    // Bert hears that it waits a moment before the server can go on with it in another process.
    await eventually(() => {
      assert.equal(server.answerer.counts.running, 0)
    })
    await nodes.stop(server)
    server = await nodes.open('server')
    await server.start()
    await linked()
    const input = { approval, answer: 'once', peer: 'server' } as const
    await at(laptop).answerApproval(input, signal)
    assert.equal(codeOf((await readAnswer(handle)).final), 'done')
    assert.deepEqual(await logged(), ['granted'])
  })

  it('are withdrawn when the asker gives up', async () => {
    const { approval, handle } = await waiting()
    await bert.desk.cancel(handle.record.ask)
    await eventually(() => {
      assert.equal(server.agent.approvals.get(approval).state, 'withdrawn')
    })
    const input = { approval, answer: 'once', peer: 'server' } as const
    await assert.rejects(at(laptop).answerApproval(input, signal), {
      code: 'conflict',
      details: { activeId: approval },
    })
    assert.deepEqual(await logged(), ['withdrawn'])
  })
})
