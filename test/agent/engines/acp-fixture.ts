import { childEnv } from '../../../src/agent/child.ts'
import { AcpEngine } from '../../../src/agent/engines/acp.ts'
import type { AcpEngineInit } from '../../../src/agent/engines/acp.ts'
import { Workspace } from '../../../src/agent/workspace.ts'
import type { AcpStep } from '../../helpers/acp-agent.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { program } from '../../helpers/programs.ts'
import { programSurroundings } from './program-fixture.ts'
import type { ProgramSurroundings } from './program-fixture.ts'

export interface AcpUnderTest extends ProgramSurroundings {
  engine: AcpEngine
  clock: ManualClock
}

/** An engine whose agent does what it is asked, in `mode` and with `changes`, and works in `folder`. */
export function makeAcp(
  folder: string,
  mode = '',
  changes: Partial<AcpEngineInit> = {},
): AcpUnderTest {
  const around = programSurroundings()
  const clock = new ManualClock()
  const engine = new AcpEngine(
    {
      ...around.components,
      workspace: new Workspace(folder),
      after: (ms, run) => clock.after(ms, run),
    },
    {
      argv: [process.execPath, program('acp-agent'), mode],
      cwd: folder,
      // It starts quicker from what the one before has compiled.
      env: childEnv(process.env, ['NODE_COMPILE_CACHE']),
      software: { name: 'kith', version: '0.1.0' },
      ...changes,
    },
  )
  return { ...around, engine, clock }
}

/** The text of an ask that has the scripted agent do `steps`. */
export function does(...steps: AcpStep[]): string {
  return JSON.stringify({ steps })
}
