import assert from 'node:assert/strict'
import type { RunReport } from '../../src/node/control/api.ts'
import type { ControlClient } from '../../src/node/control/client.ts'
import { eventually } from './eventually.ts'

/** Runs a job of a node now, and resolves with its run once that has ended. */
export async function runToEnd(
  client: Pick<ControlClient, 'call'>,
  job: string,
): Promise<RunReport> {
  const { run } = await client.call('runJob', { job })
  return await eventually(async () => {
    const report = await client.call('showRun', { run })
    assert.ok(report.finalAt !== undefined, `${job} is ${report.state}`)
    return report
  })
}
