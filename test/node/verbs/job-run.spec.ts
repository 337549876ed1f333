import assert from 'node:assert/strict'
import type { Run } from '../../../src/node/scheduler/run.ts'
import { jobRunVerb } from '../../../src/node/verbs/job-run.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { jobRunEnd } from '../../../src/protocol/verbs.ts'
import { NOW, answerTo, askerPeer } from '../../helpers/ask-calls.ts'
import { queuedRun } from '../../helpers/job-home.ts'

const nas = askerPeer('nas', {}, { allow: ['job.run'] })

async function call(runFor: (peer: string, job: string) => Promise<Run>): Promise<Body> {
  const body = { job: 'digest' }
  const answer = answerTo(nas, 'job.run', body)
  return await jobRunVerb({ jobs: { runFor } }).run({ peer: nas, body, answer, now: NOW })
}

describe('job.run', () => {
  it('starts the job in the name of the caller, and gives the id of the run and no more', async () => {
    const started: string[][] = []
    const run = queuedRun('digest', NOW)
    const end = await call(async (...wanted) => {
      started.push(wanted)
      return run
    })
    assert.deepEqual(started, [['nas', 'digest']])
    assert.deepEqual(jobRunEnd.parse(end), { run: run.run })
  })

  it('says the run that is in the way, and why it may not', async () => {
    const conflict = new KithError('conflict', 'it has not ended', { activeId: 'r' })
    const denied = new KithError('denied', 'digest is not for nas', { rule: 'run_by' })
    for (const refusal of [conflict, denied]) {
      await assert.rejects(
        call(() => Promise.reject(refusal)),
        refusal,
      )
    }
  })

  it('is busy for a peer while this node stops', async () => {
    const stopping = new KithError('stopping', 'this node is stopping', {})
    await assert.rejects(
      call(() => Promise.reject(stopping)),
      { code: 'busy', details: { position: 0 } },
    )
  })
})
