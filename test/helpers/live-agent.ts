import assert from 'node:assert/strict'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import type { agentSchema } from '../../src/node/agent-config.ts'
import type { CostRecordReport, CostSumReport } from '../../src/node/control/routes/budget.ts'
import type { LiveNode } from './live-node.ts'
import type { ModelServer } from './model-server.ts'

/** The section `agent` of config.yaml. */
export type AgentSettings = z.input<typeof agentSchema>

export const MODEL = 'lab/test-model'

/** Name in the environment under which the key of the provider `lab` is. */
export const LAB_KEY = 'LAB_KEY'

/** A model at `server`, at one and two millionths of a dollar for a token that goes in and one that comes out. */
export function modelAt(
  server: ModelServer,
  changes: AgentSettings = {},
  model = MODEL,
): AgentSettings {
  return {
    engine: 'model',
    providers: [{ name: 'lab', kind: 'openai-compatible', url: server.url, key: `env:${LAB_KEY}` }],
    prices: [{ model, input_usd_per_million: 1, output_usd_per_million: 2 }],
    ...changes,
    model: { use: [model], max_output_tokens: 64, ...changes.model },
  }
}

/** Two peers on one machine that come at once are two strangers of one address at first. */
const LOBBY = { per_minute: 100, per_address_per_minute: 100 }

/** Adds the section to the config of a node, which has it from its next start on. Once. */
export async function configureAgent(node: LiveNode, agent: AgentSettings): Promise<void> {
  // JSON is YAML.
  const sections = Object.entries({ agent, lobby: LOBBY })
  const lines = sections.map(([name, section]) => `${name}: ${JSON.stringify(section)}\n`)
  await appendFile(node.home.config, lines.join(''))
}

/** The lines of one of its logs. */
export async function linesOf(node: LiveNode, log: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(node.home.logs, log), 'utf8')
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The cost records of a node, and their sum. */
export async function costsOf(
  node: LiveNode,
): Promise<{ records: CostRecordReport[]; sum: CostSumReport }> {
  const records: CostRecordReport[] = []
  for await (const item of node.client.costs({})) {
    if (item.type === 'sum') return { records, sum: item }
    records.push(item)
  }
  assert.fail('the stream of costs ended without a sum')
}
