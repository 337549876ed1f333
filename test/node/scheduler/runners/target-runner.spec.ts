import assert from 'node:assert/strict'
import { KithError, isFailure } from '../../../../src/protocol/errors.ts'
import type { EngineReach } from '../../../../src/node/scheduler/egress.ts'
import { TargetRunner } from '../../../../src/node/scheduler/runners/target-runner.ts'
import { jobOf } from '../../../helpers/job-home.ts'

const context = { run: 'the-run', attempt: 1, dueAt: 0, progress: () => undefined }

describe('target runner', () => {
  const reached: string[] = []
  let full = false

  async function run(
    target: Record<string, unknown>,
    reach: EngineReach = 'none',
  ): Promise<string> {
    reached.length = 0
    const at = (where: string) => ({
      run: () => {
        reached.push(where)
        return Promise.resolve({ summary: where })
      },
    })
    const runner = new TargetRunner({
      ...{ ask: at('ask'), backup: at('backup'), command: at('command'), webhook: at('webhook') },
      results: {
        assertRoom: () => {
          if (full) throw new KithError('list-full', 'full', { limit: 1 })
        },
      },
      reachOf: () => reach,
    })
    const { signal } = new AbortController()
    return (await runner.run(jobOf('digest', { target }), context, signal)).summary
  }

  it('hands a job to the runner of its target', async () => {
    assert.equal(await run({ kind: 'command', argv: ['true'] }), 'command')
    assert.equal(await run({ kind: 'ask', peer: 'self', text: 'hello' }), 'ask')
    assert.equal(await run({ kind: 'backup' }), 'backup')
    assert.equal(await run({ kind: 'webhook', url: 'https://example.org/' }), 'webhook')
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

  it('begins nothing whose result there is no room for', async () => {
    full = true
    const target = { kind: 'command', argv: ['true'] }
    await assert.rejects(run(target), (err: unknown) => isFailure(err, 'list-full'))
    assert.deepEqual(reached, [])
    full = false
    assert.equal(await run(target), 'command')
  })
})
