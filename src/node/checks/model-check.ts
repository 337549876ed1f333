import type { AgentConfig } from '../agent-config.ts'
import { providerKeys } from '../agent/provider-keys.ts'
import type { Config } from '../config.ts'
import type { Pins } from '../pins.ts'
import { attempt, ok } from './finding.ts'
import type { Finding } from './finding.ts'

/** What the check of models looks at. */
export interface ModelChecked {
  readonly pins: Pick<Pins, 'peers'>
  readonly config: Pick<Config, 'agent'>
  readonly agent: {
    /** Of the engine `model`. */
    readonly models?: { list: () => Promise<{ model: string; priced: boolean }[]> } | undefined
  }
}

/** What keeps an engine that costs money from answering: a key that is gone, a cap in money without a price. */
export async function modelFindings({
  agent: { models },
  config,
  pins,
}: ModelChecked): Promise<Finding[]> {
  const { agent } = config
  if (agent.engine === 'builtin') return [ok('the engine in use needs none')]
  const capped = cappedIn(agent.budget, pins)
  const found = agent.engine === 'model' ? await lostKeys(agent) : []
  if (capped !== undefined) found.push(...(await unpriced(agent, models, capped)))
  return found.length > 0 ? found : [ok(`the engine ${agent.engine} has what it needs`)]
}

/** Keys are read at the start: one that is gone since is missed at the next. */
async function lostKeys({ providers }: AgentConfig): Promise<Finding[]> {
  const found = await Promise.all(
    providers.map(
      async (provider) =>
        await attempt(async () => {
          await providerKeys([provider])
          return []
        }),
    ),
  )
  return found.flat()
}

/** Whose money has a cap, in words; undefined when nobody's has. */
function cappedIn(
  { ask_usd: ask, daily_usd: day }: AgentConfig['budget'],
  pins: Pick<Pins, 'peers'>,
): string | undefined {
  if (ask !== undefined || day !== undefined) return 'every ask'
  const peers = pins.peers().filter(({ pin }) => pin.ask.dailyUsd !== undefined)
  return peers.length === 0
    ? undefined
    : `every ask of ${peers.map(({ pin }) => pin.name).join(', ')}`
}

async function unpriced(
  agent: AgentConfig,
  models: ModelChecked['agent']['models'],
  asks: string,
): Promise<Finding[]> {
  if (models === undefined) {
    const what = `the price of the engine ${agent.engine} is not known, and money has a cap: ${asks} is refused`
    return [{ state: 'fail', what, hint: 'cap tokens, rates or seconds instead of US dollars' }]
  }
  return (await models.list())
    .filter(({ priced }) => !priced)
    .map(({ model: name }) => ({
      state: 'fail',
      what: `the price of ${name} is not known, and money has a cap: ${asks} that reaches it is refused`,
      hint: `add ${name} to agent.prices in config.yaml, then restart`,
    }))
}
