import assert from 'node:assert/strict'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { agentSchema } from '../../../src/node/agent-config.ts'
import { modelFindings } from '../../../src/node/checks/model-check.ts'
import type { Finding } from '../../../src/node/checks/finding.ts'
import type { Peer } from '../../../src/node/pins.ts'
import { peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('check models', () => {
  const folder = tempFolder()

  async function findings(agent: object, peers: Peer[] = []): Promise<Finding[]> {
    const config = { agent: agentSchema.parse(agent) }
    const { engine, model, prices } = config.agent
    // The table knows what is behind the router.
    const isPriced = (name: string): boolean =>
      name.startsWith('router/') || prices.some((price) => price.model === name)
    const list = async (): Promise<{ model: string; priced: boolean }[]> =>
      model.use.map((name) => ({ model: name, priced: isPriced(name) }))
    return await modelFindings({
      agent: engine === 'model' ? { models: { list } } : {},
      config,
      pins: { peers: () => peers },
    })
  }

  const states = async (agent: object, peers: Peer[] = []): Promise<string[]> =>
    (await findings(agent, peers)).map(({ state }) => state)

  const local = { name: 'local', kind: 'openai-compatible', url: 'http://127.0.0.1:8080/v1' }
  const router = { name: 'router', kind: 'openai-compatible', url: 'https://openrouter.ai/api/v1' }
  const capped = {
    engine: 'model',
    providers: [local, router],
    model: { use: ['router/anthropic/claude-sonnet-4', 'local/qwen3'] },
    budget: { daily_usd: 1 },
  }

  it('fails for each model without a known price while money has a cap, until it has a price', async () => {
    const [found, ...rest] = await findings(capped)
    assert.deepEqual([found?.state, rest], ['fail', []])
    assert.match(found?.what ?? '', /^the price of local\/qwen3 is not known, .*: every ask /)
    assert.equal(found?.hint, 'add local/qwen3 to agent.prices in config.yaml, then restart')
    const free = { model: 'local/qwen3', input_usd_per_million: 0, output_usd_per_million: 0 }
    assert.deepEqual(await states({ ...capped, prices: [free] }), ['ok'])
  })

  it('does not mind an unknown price where tokens have the cap', async () => {
    assert.deepEqual(await states({ ...capped, budget: { daily_tokens: 1 } }), ['ok'])
  })

  it('names the peers whose money has a cap, where that of the node has none', async () => {
    const bob = peerOf('bob')
    const peers = [{ ...bob, pin: { ...bob.pin, ask: { ...bob.pin.ask, dailyUsd: 1 } } }]
    const [found] = await findings({ ...capped, budget: {} }, peers)
    assert.match(found?.what ?? '', /: every ask of bob that reaches it is refused$/)
    assert.deepEqual(await states({ ...capped, budget: {} }, [bob]), ['ok'])
  })

  for (const engine of ['command', 'acp']) {
    it(`fails for the engine ${engine} while money has a cap: nobody knows its price`, async () => {
      assert.deepEqual(await states({ engine, budget: { ask_usd: 1 } }), ['fail'])
      assert.deepEqual(await states({ engine, budget: { ask_tokens: 1 } }), ['ok'])
    })
  }

  it('fails while the key of a provider is gone, or open to others, until it is as it was', async () => {
    const path = join(folder(), 'key')
    const keyed = {
      engine: 'model',
      providers: [{ name: 'claude', kind: 'anthropic', key: `file:${path}` }],
      model: { use: ['claude/claude-sonnet-4-5'] },
    }
    const missing = await findings(keyed)
    assert.match(missing[0]?.what ?? '', /^agent\.providers\.claude\.key: there is no file /)
    assert.equal(missing[0]?.hint, `put the secret into ${path}, mode 600`)
    await writeFile(path, 'a-key\n', { mode: 0o600 })
    assert.deepEqual(await states(keyed), ['ok'])
    await chmod(path, 0o644)
    const [open] = await findings(keyed)
    assert.deepEqual([open?.state, open?.hint], ['fail', `chmod 600 ${path}`])
    await chmod(path, 0o600)
    assert.deepEqual(await states(keyed), ['ok'])
    await rm(path)
    assert.deepEqual(await states({ ...keyed, engine: 'command' }), ['ok'])
  })

  it('has nothing to look for while the built-in engine answers', async () => {
    assert.deepEqual(await states({ ...capped, engine: 'builtin' }), ['ok'])
  })
})
