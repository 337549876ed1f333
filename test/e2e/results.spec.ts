import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunReport } from '../../src/node/control/api.ts'
import { webhookSignature } from '../../src/node/scheduler/delivery/webhook.ts'
import { eventually } from '../helpers/eventually.ts'
import { LiveNode } from '../helpers/live-node.ts'
import { kith } from '../helpers/run-kith.ts'
import { runToEnd } from '../helpers/run-to-end.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { WebhookSink } from '../helpers/webhook-sink.ts'

const KEY = Buffer.alloc(32, 7)

describe('results of a node that runs', function () {
  this.timeout(60_000)
  const folder = tempFolder()
  const nodes: LiveNode[] = []
  let sink: WebhookSink

  beforeEach(async () => {
    sink = await WebhookSink.listen()
  })
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.kill()))
    await sink.close()
  })

  async function make(name: string, env: NodeJS.ProcessEnv = {}): Promise<LiveNode> {
    const node = await LiveNode.make(folder(), name, { env })
    nodes.push(node)
    return node
  }

  async function write(node: LiveNode, ...jobs: object[]): Promise<void> {
    const same = { enabled: true, zone: 'UTC', schedule: { kind: 'manual' } }
    const rows = jobs.map((job) => ({ ...same, ...job }))
    await writeFile(node.home.jobs, JSON.stringify({ version: 1, jobs: rows }), { mode: 0o600 })
  }

  async function arrived(node: LiveNode, run: string): Promise<RunReport> {
    return await eventually(async () => {
      const report = await node.client.call('showRun', { run })
      const { deliveries = [] } = report
      assert.ok(deliveries.length > 0)
      for (const { failure, state } of deliveries) assert.equal(state, 'done', failure?.why)
      return report
    })
  }

  it('reach a file, a peer and a webhook once a person has accepted them, and not before', async () => {
    const [alice, bob] = [
      await make('alice', { HOOK_KEY: KEY.toString('base64') }),
      await make('bob'),
    ]
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ask'] })
    const file = join(folder(), 'digest.txt')
    const webhook = { url: sink.url, secret: 'env:HOOK_KEY' }
    await write(alice, {
      name: 'digest',
      target: { kind: 'ask', peer: 'self', text: 'echo hello', egress: 'peers' },
      deliver: [
        { file, when: 'accepted' },
        { peer: 'bob', when: 'accepted' },
        { webhook, when: 'accepted' },
      ],
    })
    await Promise.all([alice.start(), bob.start()])
    const { artifact: id = '', run } = await runToEnd(alice.client, 'digest')
    assert.equal(id, run)
    const shown = await kith(alice, 'artifacts', 'show', id)
    assert.match(shown.out, /\n\n {4}hello\n/)
    const raw = await kith(alice, 'artifacts', 'show', id, '--raw')
    assert.equal(raw.out, 'hello')
    const findings = (await alice.client.call('doctor', {})).findings
    const [finding] = findings.filter(({ check }) => check === 'results')
    assert.match(finding?.what ?? '', /1 result waits for your review/)
    await assert.rejects(readFile(file), { code: 'ENOENT' })
    assert.equal(sink.connections, 0)

    assert.equal((await kith(alice, 'artifacts', 'approve', id)).code, 0)
    await arrived(alice, run)
    assert.equal(await readFile(file, 'utf8'), 'hello')
    const [call] = sink.calls
    assert.ok(call !== undefined)
    assert.equal(call.headers['webhook-id'], `${run}_2`)
    const seconds = Number(call.headers['webhook-timestamp'])
    const signature = webhookSignature(KEY, `${run}_2`, seconds, call.body)
    assert.equal(call.headers['webhook-signature'], signature)
    const asks = await bob.client.call('asks', {})
    const own = asks.filter(({ peer }) => peer === 'alice')
    assert.equal(own.length, 1)
    const { text } = await bob.client.call('showAsk', { ask: own[0]?.ask ?? '' })
    assert.match(text, /^Result of job digest, run .*, succeeded, due .*:\n\nhello$/)
  })

  it('are delivered by the next process, when one is killed before they arrive', async () => {
    const node = await make('attic', { HOOK_KEY: KEY.toString('base64') })
    await write(node, {
      name: 'digest',
      target: { kind: 'command', argv: ['/bin/echo', 'hello'] },
      deliver: [{ webhook: { url: sink.url, secret: 'env:HOOK_KEY' } }],
    })
    await node.start()
    const killed = Promise.withResolvers<undefined>()
    sink.answer = () => {
      void node.kill().then(() => {
        killed.resolve(undefined)
      })
    }
    const running = node.client.call('runJob', { job: 'digest' })
    await killed.promise
    const { run } = await running
    sink.answer = (response) => {
      response.writeHead(204).end()
    }
    await node.start()
    const report = await arrived(node, run)
    assert.deepEqual([report.state, report.artifact], ['succeeded', run])
    assert.equal(report.deliveries?.[0]?.attempts, 1)
    assert.deepEqual(
      sink.calls.map(({ headers }) => headers['webhook-id']),
      [`${run}_0`, `${run}_0`],
    )
    assert.equal(sink.calls[0]?.body, sink.calls[1]?.body)
  })

  it('of jobs that may not go out go nowhere: the file is refused with its line, and nobody is called', async () => {
    const node = await make('attic', { HOOK_KEY: KEY.toString('base64') })
    const hook = `{ webhook: { url: '${sink.url}', secret: env:HOOK_KEY }, when: always }`
    await writeFile(
      node.home.jobs,
      `version: 1
jobs:
  - name: digest
    enabled: true
    zone: UTC
    schedule: { kind: interval, every_seconds: 1 }
    target: { kind: ask, peer: self, text: hello, egress: none }
    deliver: [${hook}]
`,
      { mode: 0o600 },
    )
    await node.start()
    const { findings } = await node.client.call('doctor', {})
    const [finding] = findings.filter(({ check }) => check === 'jobs')
    assert.match(finding?.what ?? '', /jobs\.yaml:8:15: .*needs egress: provider or peers/)
    assert.deepEqual((await node.client.call('runs', {})).runs, [])
    assert.equal(sink.connections, 0)
  })
})
