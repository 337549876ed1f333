import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Caps } from '../../../src/agent/budget.ts'
import { Ledger } from '../../../src/node/agent/ledger.ts'
import { systemClock } from '../../../src/node/clock.ts'
import { hostZone } from '../../../src/node/zone.ts'
import { Database } from '../../../src/store/database.ts'
import { requestOf } from '../../helpers/approval-home.ts'
import { checkedNodes } from '../../helpers/checked-node.ts'
import type { CheckedNode } from '../../helpers/checked-node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { spendingAsk, usageOf } from '../../helpers/ledger-home.ts'

/*
 * Each check of the agent of a node: a real fault makes it fail, and the remedy that it names clears it.
 */
describe('checks of the agent', function () {
  this.timeout(20_000)
  const make = checkedNodes()
  const path = process.env['PATH']
  let anna: CheckedNode

  beforeEach(() => {
    anna = make()
  })
  afterEach(() => {
    process.env['PATH'] = path
  })

  /** Of an engine whose provider is on nobody's machine, with its key in a file. */
  async function modelFlags(): Promise<{ flags: Record<string, unknown>; key: string }> {
    const { home } = await anna.start()
    const key = join(home.path, '..', 'provider.key')
    await writeFile(key, 'sk-test', { mode: 0o600 })
    const provider = { name: 'lab', kind: 'openai-compatible', url: 'http://127.0.0.1:9/v1' }
    const config = {
      version: 1,
      agent: {
        engine: 'model',
        providers: [{ ...provider, key: `file:${key}` }],
        model: { use: ['lab/small'] },
      },
    }
    await writeFile(home.config, JSON.stringify(config), { mode: 0o600 })
    return { flags: {}, key }
  }

  it('F58: shell warns while there is no bubblewrap for it', async () => {
    await modelFlags()
    await anna.restart()
    const empty = join(anna.node.home.path, '..', 'bin')
    await mkdir(empty)
    process.env['PATH'] = empty
    const hint = await anna.says('shell', 'warn', /bubblewrap/)
    assert.match(hint, /add shell to agent\.tools\.deny/)
    await anna.restart({ flags: { 'agent.tools.deny': ['shell'] } })
    await anna.says('shell', 'ok')
  })

  it('F58: models fails when the key of a provider is gone, and for a cap without a price', async () => {
    const { key } = await modelFlags()
    await anna.restart()
    await anna.says('models', 'ok')
    await rm(key)
    await anna.says('models', 'fail', /provider\.key/)
    await writeFile(key, 'sk-test', { mode: 0o600 })
    await anna.says('models', 'ok')
    await anna.restart({ flags: { 'agent.budget.daily_usd': '5' } })
    const hint = await anna.says('models', 'fail', /the price of lab\/small is not known/)
    assert.match(hint, /add lab\/small to agent\.prices/)
    const price = { model: 'lab/small', input_usd_per_million: 1, output_usd_per_million: 1 }
    await anna.restart({
      flags: { 'agent.budget.daily_usd': '5', 'agent.prices': [price] },
    })
    await anna.says('models', 'ok')
  })

  it('F58: breakers warns of one that is open, until it is reset', async () => {
    await anna.start()
    const { breakers } = anna.node.agent
    for (let call = 0; call < 5; call++) breakers.enter('provider lab').failed()
    await anna.type(await anna.says('breakers', 'warn', /provider lab has failed/))
    await anna.says('breakers', 'ok')
  })

  it('F58: mcp warns of a server that does not start, until the config is right', async () => {
    const { home } = await anna.start()
    await anna.says('mcp', 'ok')
    const write = async (mcp: object[]): Promise<void> => {
      const config = { version: 1, agent: { mcp } }
      await writeFile(home.config, JSON.stringify(config), { mode: 0o600 })
      await anna.restart()
    }
    await write([{ name: 'files', run: ['/nowhere/server'], tools: ['read'] }])
    await eventually(async () => {
      const hint = await anna.says('mcp', 'warn', /the MCP server files failed: /)
      assert.match(hint, /kith mcp-tools list files, or correct agent\.mcp/)
    })
    await write([])
    await anna.says('mcp', 'ok')
  })

  it('F58: budget warns when a day is nearly spent, until its cap is raised', async () => {
    const { home } = await anna.start()
    await writeFile(home.config, 'version: 1\nagent: {budget: {daily_tokens: 1000}}\n', {
      mode: 0o600,
    })
    await anna.restart()
    await anna.says('budget', 'ok')
    const { id } = anna.node.self
    await anna.stop()
    await spend(950, home.store, id)
    await anna.start()
    const hint = await anna.says('budget', 'warn', /95 % of what this node may spend today/)
    assert.match(hint, /raise agent\.budget in config\.yaml/)
    await writeFile(home.config, 'version: 1\nagent: {budget: {daily_tokens: 100000}}\n')
    await anna.restart()
    await anna.says('budget', 'ok')
  })

  it('F58: approvals warns of a call that waits for its owner, until he answers', async () => {
    await anna.start()
    await anna.says('approvals', 'ok')
    const deadlineAt = Date.now() + 600_000
    await anna.node.agent.approvals.open(requestOf(1, { ask: { deadlineAt } }))
    const hint = await anna.says('approvals', 'warn', /1 call of a tool waits/)
    const { out } = await anna.type(`${hint} list --json`)
    const id = /"approval":"([^"]+)"/.exec(out)?.[1] ?? ''
    const denied = await anna.kith('approvals', 'deny', id)
    assert.equal(denied.code, 0, denied.err)
    await eventually(() => anna.says('approvals', 'ok'))
  })
})

/** What an engine that costs tokens leaves in the ledger of a node, which does not run meanwhile. */
async function spend(tokens: number, store: string, id: string): Promise<void> {
  const database = await Database.open(store)
  const caps: Caps = { ask: {}, askerDay: {}, day: {} }
  const ledger = await Ledger.open(
    {
      ...{ database, clock: systemClock, askerDay: () => ({}), zone: hostZone },
      onThreshold: () => undefined,
    },
    caps,
  )
  const ask = spendingAsk(1, 'self', {
    asker: { name: 'self', id },
    deadlineAt: Date.now() + 600_000,
  })
  await (await ledger.reserve(ask, usageOf(0, tokens))).settle(usageOf(0, tokens))
  await database.close()
}
