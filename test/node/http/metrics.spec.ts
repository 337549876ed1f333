import assert from 'node:assert/strict'
import { METRICS } from '../../../src/node/http/metrics/metrics.ts'
import { MetricsPage } from '../../../src/node/http/metrics/metrics-page.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { HttpNode } from '../../helpers/http-node.ts'
import { openNodes } from '../../helpers/open-node.ts'
import type { OpenNodes } from '../../helpers/open-node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { checkMetrics, needsPromtool } from '../../helpers/promtool.ts'
import { idOf } from '../../helpers/ask-calls.ts'

describe('http metrics', () => {
  const all = openNodes()
  let nodes: OpenNodes
  let node: KithNode
  let page: MetricsPage

  beforeEach(async () => {
    nodes = all()
    const flags = {
      'http.listen': '127.0.0.1:0',
      'agent.budget': { daily_usd: 5, daily_tokens: 9 },
    }
    node = await nodes.open('node', { flags })
    await node.start()
    page = new MetricsPage(node)
  })

  async function figure(line: string): Promise<string | undefined> {
    const text = await page.text()
    return text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.slice(line.length + 1)
  }

  async function ask(text: string): Promise<void> {
    const handle = await node.desk.ask({ peer: 'self', text })
    for await (const event of handle.read(0)) assert.ok(event)
  }

  it('are what promtool takes, with everything in them', async function () {
    needsPromtool(this)
    await nodes.pin({ name: 'bob', id: idOf('bob') })
    await ask('echo hi')
    node.agent.breakers.enter('provider lab').failed()
    await node.backups.records.add({
      ...{ what: 'made', file: '/a', backupAt: 1, bytes: 1, sha256: '0'.repeat(64) },
      ...{ lock: 'passphrase', by: 'self' },
    })
    const text = await page.text()
    assert.equal(checkMetrics(text), '')
    for (const { name } of METRICS) assert.match(text, new RegExp(`^# HELP ${name} `, 'm'))
  })

  it('are named after this program, each with its help and its type', async () => {
    const text = await page.text()
    const names = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => /^\w+/.exec(line)?.[0] ?? line)
    assert.ok(names.length > 50)
    for (const name of names) {
      assert.match(name, /^kith_/)
      const family = name.replace(/_(bucket|sum|count)$/, '')
      assert.ok(
        text.includes(`# HELP ${name} `) || text.includes(`# HELP ${family} `),
        `no help for ${name}`,
      )
    }
  })

  it('count asks and how they ended, since the start', async () => {
    assert.equal(await figure('kith_asks_total{direction="in"}'), '0')
    await ask('echo one')
    const { record } = await node.desk.ask({ peer: 'self', text: 'count 1000' })
    await node.desk.cancel(record.ask)
    assert.equal(await figure('kith_asks_total{direction="in"}'), '2')
    assert.equal(await figure('kith_asks_ended_total{direction="in",state="done"}'), '1')
    assert.equal(await figure('kith_asks_ended_total{direction="in",state="cancelled"}'), '1')
    assert.equal(await figure('kith_asks{state="running"}'), '0')
  })

  it('have a row for each pinned peer and none for one that is unpinned', async () => {
    await nodes.pin({ name: 'bob', id: idOf('bob') })
    await eventually(async () => {
      assert.equal(await figure('kith_peer_linked{peer="bob"}'), '0')
    })
    await node.pins.edit({ op: 'remove', name: 'bob' })
    assert.equal(await figure('kith_peer_linked{peer="bob"}'), undefined)
  })

  it('tell how the node stands, and each of its components', async () => {
    assert.equal(await figure('kith_health{status="healthy"}'), '1')
    assert.equal(await figure('kith_component_state{component="store",state="ready"}'), '1')
    for (let i = 0; i < 9; i++) {
      try {
        node.agent.breakers.enter('peer bob').failed()
      } catch {
        break
      }
    }
    assert.equal(await figure('kith_health{status="healthy"}'), '0')
    assert.equal(await figure('kith_health{status="degraded"}'), '1')
    assert.equal(await figure('kith_breaker_open{breaker="peer bob"}'), '1')
  })

  it('have the budget of today and the ages of backups', async () => {
    assert.equal(await figure('kith_budget_limit_usd'), '5')
    assert.equal(await figure('kith_budget_spent_tokens'), '0')
    assert.equal(await figure('kith_backup_last_success_timestamp_seconds{step="made"}'), undefined)
  })

  it('are the same for two who ask at once', async () => {
    const pages = new MetricsPage(node)
    const figures = async (): Promise<string[]> =>
      (await pages.text()).split('\n').filter((line) => line.startsWith('kith_budget_limit'))
    assert.deepEqual(await Promise.all([figures(), figures()]), [await figures(), await figures()])
  })

  it('need a token of scope read', async () => {
    const http = new HttpNode(node)
    await http.start()
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${http.url}/metrics`, { headers })).status
    assert.deepEqual(
      [
        await status({}),
        await status(await http.token('tasks')),
        await status(await http.token('read')),
      ],
      [401, 403, 200],
    )
    await http.stop()
  })
})
