import { Presets } from '../../agent/presets.ts'
import type { StandardPreset } from '../../agent/presets.ts'
import type { AgentConfig } from '../agent-config.ts'
import type { EngineReach } from '../scheduler/egress.ts'

/** Names of this machine, as `URL` writes them. */
const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

const PRESETS = new Presets()

/**
 * How far the engine of this config reaches for an ask with `preset`, by itself or by tools of servers elsewhere. What
 * a program of the owner's does, nobody knows here.
 */
export function engineReach(
  { engine, mcp, model, providers }: Pick<AgentConfig, 'engine' | 'mcp' | 'model' | 'providers'>,
  preset: StandardPreset,
): EngineReach {
  if (engine === 'builtin') return 'none'
  if (engine !== 'model') return 'provider'
  const used = providers.filter(({ name }) =>
    model.use.some((wanted) => wanted.startsWith(`${name}/`)),
  )
  const servers = mcp.filter((server) => PRESETS.allows([preset], server))
  const stays = used.every(isLocal) && servers.every(({ url }) => url === undefined || isHere(url))
  return stays ? 'local-model' : 'provider'
}

/** What of this config has a say in an answer, for those who ask later what it was made with. No secret is in it. */
export function engineSettings({
  acp,
  command,
  engine,
  model,
}: Pick<AgentConfig, 'acp' | 'command' | 'engine' | 'model'>): object {
  if (engine === 'model') return { engine, ...model }
  if (engine === 'builtin') return { engine }
  return { engine, run: (engine === 'command' ? command : acp).run }
}

function isLocal({ kind, url }: AgentConfig['providers'][number]): boolean {
  // Without an address, this kind alone is looked for on this machine.
  return url === undefined ? kind === 'ollama' : isHere(url)
}

function isHere(url: string): boolean {
  return LOCAL_HOST.test(new URL(url).hostname)
}
