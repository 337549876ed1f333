import assert from 'node:assert/strict'
import type { StandardPreset } from '../../../src/agent/presets.ts'
import { agentSchema } from '../../../src/node/agent-config.ts'
import { engineReach, engineSettings } from '../../../src/node/agent/engine-reach.ts'

function configOf(engine: string, ...providers: object[]): ReturnType<typeof agentSchema.parse> {
  const use = providers.length === 0 ? [] : ['a/one', 'b/two']
  return agentSchema.parse({ engine, providers, model: { use } })
}

const ollama = { name: 'a', kind: 'ollama' }

describe('reach of an engine', () => {
  const cases: [what: string, config: ReturnType<typeof configOf>, reach: string][] = [
    ['no model', configOf('builtin'), 'none'],
    ['a program of the owner', configOf('command'), 'provider'],
    ['an ACP agent', configOf('acp'), 'provider'],
    ['a model of this machine', configOf('model', ollama), 'local-model'],
    [
      'models behind addresses of this machine',
      configOf(
        'model',
        { ...ollama, url: 'http://localhost:11434/api' },
        { name: 'b', kind: 'openai-compatible', url: 'http://[::1]:8080/v1' },
        { name: 'c', kind: 'openai', key: 'env:X' },
      ),
      'local-model',
    ],
    [
      'one model elsewhere among those in use',
      configOf('model', ollama, { name: 'b', kind: 'anthropic', key: 'env:X' }),
      'provider',
    ],
    [
      'a model in the local network',
      configOf('model', { ...ollama, url: 'http://192.168.1.5:11434/api' }),
      'provider',
    ],
    [
      'a name that begins like an address of this machine',
      configOf('model', { ...ollama, url: 'http://127.0.0.1.example.org/api' }),
      'provider',
    ],
  ]
  for (const [what, config, reach] of cases) {
    it(`is ${reach} for ${what}`, () => {
      assert.equal(engineReach(config, 'none'), reach)
    })
  }

  const servers: [what: string, server: object, preset: StandardPreset, reach: string][] = [
    [
      'an MCP server elsewhere',
      { url: 'https://mcp.example.org', class: 'read' },
      'read-only',
      'provider',
    ],
    [
      'one that its preset has no tools of',
      { url: 'https://mcp.example.org' },
      'write',
      'local-model',
    ],
    [
      'one on this machine',
      { url: 'http://127.0.0.1:9000', class: 'read' },
      'read-only',
      'local-model',
    ],
    ['a program that is one', { run: ['mcp'], class: 'read' }, 'read-only', 'local-model'],
  ]
  for (const [what, server, preset, reach] of servers) {
    it(`is ${reach} for a model of this machine with ${what}`, () => {
      const mcp = [{ name: 'tickets', ...server }]
      const config = {
        ...configOf('model', ollama),
        ...agentSchema.pick({ mcp: true }).parse({ mcp }),
      }
      assert.equal(engineReach(config, preset), reach)
    })
  }

  it('goes with settings that hold no key', () => {
    const config = configOf('model', { name: 'b', kind: 'anthropic', key: 'env:X' })
    assert.deepEqual(engineSettings(config), { engine: 'model', ...config.model })
    assert.ok(!JSON.stringify(engineSettings(config)).includes('env:X'))
  })
})
