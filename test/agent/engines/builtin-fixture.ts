import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BuiltinEngine } from '../../../src/agent/engines/builtin.ts'
import { Memory } from '../../../src/agent/memory.ts'
import type { AskFact, JobFact, NodeFacts, RunFact } from '../../../src/agent/ports.ts'
import { Presets } from '../../../src/agent/presets.ts'
import { ToolGuard } from '../../../src/agent/tool-guard.ts'
import { Workspace } from '../../../src/agent/workspace.ts'
import { OWN_ID } from '../asks.ts'
import { TestApprovals } from '../test-approvals.ts'

const NOW = Date.UTC(2026, 10, 21, 8)

export const OWNER = { name: 'self', id: OWN_ID }

const asks: AskFact[] = [
  { id: 'ask-3', asker: 'nas', state: 'running', at: NOW },
  { id: 'ask-2', asker: 'laptop', state: 'running', at: NOW - 60_000 },
  { id: 'ask-1', asker: 'self', state: 'done', at: NOW - 120_000 },
]

const jobs: JobFact[] = [
  {
    ...{ name: 'digest', schedule: 'daily 07:30 Europe/Madrid', standing: 'busy', running: true },
    ...{ nextAt: NOW + 3_600_000, lastSuccessAt: NOW - 86_400_000 },
  },
  { name: 'sweep', schedule: 'manual UTC', standing: 'disabled', running: false },
]

const runs: RunFact[] = [
  { id: 'run-3', job: 'digest', state: 'running', by: 'self', at: NOW },
  { id: 'run-2', job: 'sweep', state: 'failed', by: 'nas', at: NOW - 60_000, why: 'deadline' },
  { id: 'run-1', job: 'sweep', state: 'succeeded', by: 'laptop', at: NOW - 120_000 },
]

export const facts: NodeFacts = {
  describe: () => ({
    name: 'attic',
    id: OWN_ID,
    words: 'abandon ability able about',
    software: 'kith/0.1.0',
    uptimeMs: ((3 * 24 + 4) * 60 + 5) * 60_000 + 59_999,
  }),
  peers: () => [
    { name: 'nas', connected: true, lastSeenAt: NOW },
    { name: 'laptop', connected: false, lastSeenAt: NOW - 3_600_000 },
    { name: 'phone', connected: false },
  ],
  asks: () => Promise.resolve(asks),
  jobs: () => jobs,
  runs: () => Promise.resolve(runs),
  now: () => NOW,
  zone: () => 'Europe/Madrid',
}

/** A builtin engine of a node called attic, and the folder with its memory and its workspace, `work`. */
export async function makeBuiltin(): Promise<{
  engine: BuiltinEngine
  folder: string
  approvals: TestApprovals
}> {
  const folder = await mkdtemp(join(tmpdir(), 'kith-builtin-'))
  await mkdir(join(folder, 'work/docs'), { recursive: true })
  await writeFile(join(folder, 'work/plants.md'), '# Plants\nwater them on Monday\n')
  await writeFile(join(folder, 'work/docs/disks.txt'), 'sdb is the backup disk\n')
  const approvals = new TestApprovals()
  const engine = new BuiltinEngine({
    guard: new ToolGuard({ presets: new Presets(), approvals }),
    facts,
    memory: new Memory(join(folder, 'MEMORY.md')),
    workspace: new Workspace(join(folder, 'work')),
  })
  return { approvals, engine, folder }
}
