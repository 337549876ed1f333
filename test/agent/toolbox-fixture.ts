import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Memory } from '../../src/agent/memory.ts'
import type { EngineAsk, EngineEvent } from '../../src/agent/ports.ts'
import { Presets } from '../../src/agent/presets.ts'
import { ToolGuard } from '../../src/agent/tool-guard.ts'
import { Toolbox } from '../../src/agent/toolbox.ts'
import type { ToolRecord, ToolResult } from '../../src/agent/toolbox.ts'
import { askPeerTool } from '../../src/agent/tools/ask-peer.ts'
import type { PeerAsk } from '../../src/agent/tools/ask-peer.ts'
import { fetchTool } from '../../src/agent/tools/fetch.ts'
import { fileTools } from '../../src/agent/tools/files.ts'
import { memoryTools } from '../../src/agent/tools/memory.ts'
import { nodeTools } from '../../src/agent/tools/node.ts'
import { shellTool } from '../../src/agent/tools/shell.ts'
import { Workspace } from '../../src/agent/workspace.ts'
import { facts } from './engines/builtin-fixture.ts'
import { TestApprovals } from './test-approvals.ts'

export interface ToolboxUnderTest {
  toolbox: Toolbox
  approvals: TestApprovals
  folder: string
  /** What was asked of peers. */
  asked: PeerAsk[]
  /** Names that were looked up. */
  lookedUp: string[]
  records: ToolRecord[]
}

/** A toolbox with all tools over a folder with a workspace, `work`. No peer is there, and no name has an address. */
export async function makeToolbox(peerSays: EngineEvent[] = []): Promise<ToolboxUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'kith-tools-'))
  const work = join(folder, 'work')
  await mkdir(work)
  await writeFile(join(work, 'plants.md'), 'water them on Monday\n')
  const approvals = new TestApprovals()
  const presets = new Presets()
  const asked: PeerAsk[] = []
  const lookedUp: string[] = []
  const records: ToolRecord[] = []
  const peers = {
    async *ask(init: PeerAsk): AsyncGenerator<EngineEvent> {
      asked.push(init)
      yield* peerSays
    },
  }
  const resolver = async (name: string): Promise<string[]> => {
    lookedUp.push(name)
    return ['127.0.0.1']
  }
  const guard = new ToolGuard({ approvals, presets })
  const toolbox = new Toolbox({ guard, onCall: (record) => records.push(record) }, [
    ...fileTools(new Workspace(work)),
    ...memoryTools({ facts, memory: new Memory(join(folder, 'MEMORY.md')) }),
    ...nodeTools(facts),
    shellTool({
      workspace: work,
      standing: { sandboxed: false, bounded: false },
      env: { PATH: '/usr/bin:/bin' },
    }),
    fetchTool({ resolver }),
    askPeerTool({ facts, peers, presets }),
  ])
  return { approvals, asked, folder, lookedUp, records, toolbox }
}

/** One call: its events, and what the engine is told. */
export async function called(
  toolbox: Toolbox,
  ask: EngineAsk,
  name: string,
  input: unknown,
  approval?: string,
): Promise<{ events: EngineEvent[]; result: ToolResult }> {
  const { signal } = new AbortController()
  const since = approval === undefined ? {} : { approval }
  const waiting = { checkpoint: Uint8Array.of(1), signal, ...since }
  const calling = toolbox.call(ask, { id: 'call-1', name, input }, waiting)
  const events: EngineEvent[] = []
  for (;;) {
    const next = await calling.next()
    if (next.done === true) return { events, result: next.value }
    events.push(next.value)
  }
}
