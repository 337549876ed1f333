import assert from 'node:assert/strict'
import { isFailure } from '../../../../src/protocol/errors.ts'
import type { EngineReach } from '../../../../src/node/scheduler/egress.ts'
import { TargetRunner } from '../../../../src/node/scheduler/runners/target-runner.ts'
import { jobOf } from '../../../helpers/job-home.ts'

const context = { run: 'the-run', attempt: 1, dueAt: 0, progress: () => undefined }

describe('target runner', () => {
  const reached: string[] = []

  function run(target: Record<string, unknown>, reach: EngineReach = 'none'): Promise<string> {
    reached.length = 0
    const at = (where: string) => ({
      run: () => {
        reached.push(where)
        return Promise.resolve(where)
      },
    })
    const runner = new TargetRunner({ ask: at('ask'), command: at('command'), reach: () => reach })
    return runner.run(jobOf('digest', { target }), context, new AbortController().signal)
  }

  it('hands a job to the runner of its target', async () => {
    assert.equal(await run({ kind: 'command', argv: ['true'] }), 'command')
    assert.equal(await run({ kind: 'ask', peer: 'self', text: 'hello' }), 'ask')
    assert.equal(await run({ kind: 'ask', peer: 'bob', text: 'hello', egress: 'peers' }), 'ask')
  })

  it('refuses an ask to an engine beyond its egress before anything is reached', async () => {
    const target = { kind: 'ask', peer: 'self', text: 'hello', egress: 'local-model' }
    await assert.rejects(
      run(target, 'provider'),
      (err: unknown) => isFailure(err, 'denied') && err.details.rule === 'egress',
    )
    assert.deepEqual(reached, [])
    assert.equal(await run(target, 'local-model'), 'ask')
  })

  for (const target of [{ kind: 'backup' }, { kind: 'webhook', url: 'https://example.org/' }]) {
    it(`refuses the target ${target.kind}, which it has no runner for`, async () => {
      await assert.rejects(
        run(target),
        (err: unknown) => isFailure(err, 'denied') && err.details.rule === 'target',
      )
    })
  }
})
