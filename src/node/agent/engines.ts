import type { McpServer } from '@agentclientprotocol/sdk'
import { childEnv } from '../../agent/child.ts'
import { BuiltinEngine } from '../../agent/engines/builtin.ts'
import type { ModelTests } from '../../agent/engines/model/model-tests.ts'
import type { CatalogInit } from '../../agent/engines/model/catalog.ts'
import type { ProviderInit } from '../../agent/engines/model/providers.ts'
import type { ProgramInit } from '../../agent/engines/program.ts'
import type { Memory } from '../../agent/memory.ts'
import type {
  Breakers,
  Budget,
  Engine,
  NodeFacts,
  ProgramRun,
  Sessions,
} from '../../agent/ports.ts'
import type { Secret } from '../../agent/secret.ts'
import type { ToolGuard } from '../../agent/tool-guard.ts'
import type { Toolbox } from '../../agent/toolbox.ts'
import type { Workspace } from '../../agent/workspace.ts'
import { KithError } from '../../protocol/errors.ts'
import { VERSION } from '../../protocol/software.ts'
import type { AgentConfig } from '../agent-config.ts'
import type { Clock } from '../clock.ts'
import type { Home } from '../home.ts'
import { kithProgram } from './kith-program.ts'

/** What engines are made of. */
export interface EngineParts {
  facts: NodeFacts
  guard: ToolGuard
  /** Made for an engine that calls tools, and for no other: it looks at this machine. */
  toolbox: () => Promise<Toolbox>
  budget: Budget
  breakers: Breakers
  sessions: Sessions
  memory: Memory
  workspace: Workspace
  clock: Clock
  random: () => number
  incidentId: () => string
  ownId: string
  /** Told of the program that an ask runs. */
  onProgram: (ask: string, run: ProgramRun) => void
  /** `text` without the secrets of this node. */
  redacted: (text: string) => string
  /** A model failed, for our own operator. */
  onFault: (report: object) => void
  /** Keys of providers, by their names. */
  keys: ReadonlyMap<string, Secret>
}

/** An engine, and what ends all that it keeps running. */
export interface RunningEngine {
  engine: Engine
  /** Absent where the engine has no models of its own. */
  models?: Pick<ModelTests, 'list' | 'test'>
  stop: () => Promise<void>
}

const NOTHING_TO_STOP = async (): Promise<void> => undefined

/** The engine that the config names. Only its own libraries are loaded. @throws {KithError} `usage` when it lacks a setting */
export async function createEngine(
  config: AgentConfig,
  home: Pick<Home, 'workspace' | 'path'>,
  parts: EngineParts,
): Promise<RunningEngine> {
  const now = (): number => parts.clock.now()
  switch (config.engine) {
    case 'builtin':
      return { engine: new BuiltinEngine(parts), stop: NOTHING_TO_STOP }
    case 'model':
      return modelEngine(config, home, parts)
    case 'command': {
      const { CommandEngine } = await import('../../agent/engines/command.ts')
      const engine = new CommandEngine({ ...parts, now }, programOf(config, 'command', home))
      return { engine, stop: NOTHING_TO_STOP }
    }
    case 'acp': {
      const { AcpEngine } = await import('../../agent/engines/acp.ts')
      const after = (ms: number, run: () => void): (() => void) => parts.clock.after(ms, run)
      const software = { name: 'kith', version: VERSION }
      const mesh = config.acp.mesh ? { mesh: meshServer(home) } : {}
      const init = { ...programOf(config, 'acp', home), ...mesh, software }
      const engine = new AcpEngine({ ...parts, after, now }, init)
      return {
        engine,
        stop: async () => {
          await engine.stop()
        },
      }
    }
  }
}

/** Its libraries take a quarter of a second to load: they are for the first ask to wait for, and not for the start. */
function modelEngine(
  config: AgentConfig,
  home: Pick<Home, 'path'>,
  parts: EngineParts,
): RunningEngine {
  const { model, providers } = config
  if (model.use.length === 0) throw lacks('agent.model.use', 'no model is named')
  const named = new Map(providers.map((provider) => [provider.name, provider]))
  const stray = model.use.find((name) => !named.has(name.slice(0, name.indexOf('/'))))
  if (stray !== undefined) {
    throw lacks('agent.providers', `no provider has the name that ${stray} begins with`)
  }
  const catalog = catalogOf(config, parts.keys)
  let loading: ReturnType<typeof loadModels> | undefined
  const loaded = (): ReturnType<typeof loadModels> =>
    (loading ??= loadModels(config, home, parts, catalog))
  return {
    engine: {
      name: 'model',
      async *run(ask, signal) {
        yield* (await loaded()).engine.run(ask, signal)
      },
    },
    models: {
      list: async () => await (await loaded()).models.list(),
      test: async (name, signal) => await (await loaded()).models.test(name, signal),
    },
    stop: NOTHING_TO_STOP,
  }
}

async function loadModels(
  { model }: AgentConfig,
  home: Pick<Home, 'path'>,
  parts: EngineParts,
  catalog: CatalogInit,
): Promise<{ engine: Engine; models: ModelTests }> {
  const [{ ModelEngine }, { ModelTests }, { OwnerFiles }] = await Promise.all([
    import('../../agent/engines/model.ts'),
    import('../../agent/engines/model/model-tests.ts'),
    import('../../agent/owner-files.ts'),
  ])
  const texts = new OwnerFiles(home.path, parts.memory)
  const times = {
    firstPartMs: model.first_byte_seconds * 1_000,
    idleMs: model.idle_seconds * 1_000,
  }
  const engine = new ModelEngine(
    { ...parts, texts, toolbox: await parts.toolbox() },
    {
      ...catalog,
      limits: {
        maxSteps: model.max_steps,
        maxToolCalls: model.max_tool_calls,
        maxOutputTokens: model.max_output_tokens,
      },
      times,
      compaction: { maxTokens: model.context_tokens },
    },
  )
  return { engine, models: new ModelTests(parts, catalog, times) }
}

/** The models of a config with where each is served, and what it costs by its owner. */
function catalogOf(
  { model, prices, providers }: AgentConfig,
  keys: EngineParts['keys'],
): CatalogInit {
  return {
    models: model.use,
    providers: Object.fromEntries(
      providers.map((provider) => [provider.name, providerOf(provider, keys)]),
    ),
    prices: Object.fromEntries(
      prices.map(({ input_usd_per_million, model: name, output_usd_per_million }) => [
        name,
        {
          inputMicroUsd: Math.round(input_usd_per_million * 1_000_000),
          outputMicroUsd: Math.round(output_usd_per_million * 1_000_000),
        },
      ]),
    ),
  }
}

function providerOf(
  { api, kind, name, url }: AgentConfig['providers'][number],
  keys: ReadonlyMap<string, Secret>,
): ProviderInit {
  const apiKey = keys.get(name)
  const baseUrl = url === undefined ? {} : { baseUrl: url }
  switch (kind) {
    case 'openai-compatible':
      if (url === undefined) throw lacks('agent.providers', `${name} needs a url`)
      return { kind, baseUrl: url, ...(apiKey === undefined ? {} : { apiKey }) }
    case 'ollama':
      return { kind, ...baseUrl, ...(apiKey === undefined ? {} : { apiKey }) }
    case 'openai':
    case 'anthropic':
    case 'google':
      if (apiKey === undefined) throw lacks('agent.providers', `${name} needs a key`)
      return kind === 'openai' ? { kind, ...baseUrl, apiKey, api } : { kind, ...baseUrl, apiKey }
  }
}

function programOf(
  config: AgentConfig,
  name: 'command' | 'acp',
  home: Pick<Home, 'workspace'>,
): ProgramInit {
  const { env, needs, run } = config[name]
  const [program, ...rest] = run
  if (program === undefined) throw lacks(`agent.${name}.run`, 'no program is named')
  return {
    argv: [program, ...rest],
    cwd: home.workspace,
    env: childEnv(process.env, env),
    needs: needs === 'none' ? 'read-only' : needs,
  }
}

/** `kith mcp` of this very node, for an agent to start. */
function meshServer({ path }: Pick<Home, 'path'>): McpServer {
  const [command, script] = kithProgram()
  const env = { KITH_HOME: path, KITH_PROFILE: '' }
  return {
    name: 'kith',
    command,
    args: [script, 'mcp'],
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
  }
}

function lacks(what: string, why: string): KithError<'usage'> {
  return new KithError('usage', `${what}: ${why}`, { what }, { hint: 'see docs/agent.md' })
}
