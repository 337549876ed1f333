import assert from 'node:assert/strict'
import { BuiltinEngine } from '../../../src/agent/engines/builtin.ts'
import { Secret } from '../../../src/agent/secret.ts'
import { agentSchema } from '../../../src/node/agent-config.ts'
import { createEngine } from '../../../src/node/agent/engines.ts'
import type { EngineParts, RunningEngine } from '../../../src/node/agent/engines.ts'
import { homeOf } from '../../../src/node/home.ts'
import { systemClock } from '../../../src/node/clock.ts'
import type { AgentSettings } from '../../helpers/live-agent.ts'

const HOME = homeOf({ KITH_HOME: '/nowhere' }, undefined)
const LAB = { name: 'lab', kind: 'openai-compatible', url: 'http://127.0.0.1:9/v1' } as const
const USE = { model: { use: ['lab/m'] } }

describe('the engine of a node', () => {
  let toolboxes = 0

  beforeEach(() => {
    toolboxes = 0
  })

  async function create(
    settings: AgentSettings,
    keys: ReadonlyMap<string, Secret> = new Map(),
  ): Promise<RunningEngine> {
    const parts = {
      ...{ clock: systemClock, keys, ownId: 'kith1own' },
      random: () => 0,
      redacted: (text: string) => text,
      toolbox: async () => {
        toolboxes++
        return { list: () => [] }
      },
    }
    return await createEngine(agentSchema.parse(settings), HOME, parts as unknown as EngineParts)
  }

  it('is the builtin one without a word in the config', async () => {
    const { engine, stop } = await create({})
    assert.ok(engine instanceof BuiltinEngine)
    assert.equal(toolboxes, 0)
    await stop()
  })

  for (const [name, settings] of [
    ['model', { engine: 'model', providers: [LAB], ...USE }],
    ['command', { engine: 'command', command: { run: ['cat'] } }],
    ['acp', { engine: 'acp', acp: { run: ['cat'] } }],
  ] as const) {
    it(`is ${name} where the config says so, and makes no tools before they are needed`, async () => {
      const { engine, stop } = await create(settings as unknown as AgentSettings)
      assert.equal(engine.name, name)
      assert.equal(toolboxes, 0)
      await stop()
    })
  }

  it('loads its models once, however many look at them first', async () => {
    const { models } = await create({ engine: 'model', providers: [LAB], ...USE })
    assert.ok(models)
    const [[listed]] = await Promise.all([models.list(), models.list()])
    assert.equal(listed?.model, 'lab/m')
    assert.equal(toolboxes, 1)
  })

  const key = new Map([['lab', new Secret('sk-lab-0123456789')]])
  for (const kind of ['openai', 'anthropic', 'google', 'ollama'] as const) {
    it(`takes a provider of kind ${kind}`, async () => {
      const providers = [{ name: 'lab', kind }]
      const { models } = await create({ engine: 'model', providers, ...USE }, key)
      assert.equal((await models?.list())?.[0]?.model, 'lab/m')
    })
  }

  for (const [what, settings, message] of [
    ['no model', { engine: 'model', providers: [LAB] }, /agent\.model\.use: no model is named/],
    [
      'a model of no provider',
      { engine: 'model', providers: [LAB], model: { use: ['lab/m', 'bal/m'] } },
      /no provider has the name that bal\/m begins with/,
    ],
    [
      'a provider without an address',
      { engine: 'model', providers: [{ name: 'lab', kind: 'openai-compatible' }], ...USE },
      /lab needs a url/,
    ],
    [
      'a provider without a key',
      { engine: 'model', providers: [{ name: 'lab', kind: 'anthropic' }], ...USE },
      /lab needs a key/,
    ],
    ['no program', { engine: 'command' }, /agent\.command\.run: no program is named/],
    ['no agent', { engine: 'acp' }, /agent\.acp\.run: no program is named/],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      await assert.rejects(create(settings as unknown as AgentSettings), { code: 'usage', message })
    })
  }
})
