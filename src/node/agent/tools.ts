import type { Memory } from '../../agent/memory.ts'
import type { NodeFacts } from '../../agent/ports.ts'
import type { Presets } from '../../agent/presets.ts'
import { askPeerTool } from '../../agent/tools/ask-peer.ts'
import type { PeerCaller } from '../../agent/tools/ask-peer.ts'
import { fetchTool } from '../../agent/tools/fetch.ts'
import { fileTools } from '../../agent/tools/files.ts'
import { memoryTools } from '../../agent/tools/memory.ts'
import { nodeTools } from '../../agent/tools/node.ts'
import { shellStanding } from '../../agent/tools/shell-sandbox.ts'
import { shellTool } from '../../agent/tools/shell.ts'
import type { Tool } from '../../agent/tools/tool.ts'
import type { Workspace } from '../../agent/workspace.ts'
import { childEnv } from '../../agent/child.ts'
import type { AgentConfig } from '../agent-config.ts'

export interface ToolParts {
  facts: NodeFacts
  memory: Memory
  peers: PeerCaller
  presets: Presets
  workspace: Workspace
}

/** The tools of a node: one line for each family. */
export async function createTools(
  { fetch, shell }: Pick<AgentConfig, 'fetch' | 'shell'>,
  { facts, memory, peers, presets, workspace }: ToolParts,
  workspacePath: string,
): Promise<Tool[]> {
  const standing = await shellStanding(shell.sandbox)
  const timeoutSeconds = shell.timeout_seconds
  const shellInit = { workspace: workspacePath, standing, timeoutSeconds }
  return [
    ...nodeTools(facts),
    ...fileTools(workspace),
    ...memoryTools({ facts, memory }),
    ...(standing.offered
      ? [shellTool({ ...shellInit, env: childEnv(process.env, shell.env) })]
      : []),
    fetchTool({ allowHosts: fetch.private_hosts }),
    askPeerTool({ facts, peers, presets }),
  ]
}
