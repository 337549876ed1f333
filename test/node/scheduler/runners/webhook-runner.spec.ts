import assert from 'node:assert/strict'
import { WebhookRunner } from '../../../../src/node/scheduler/runners/webhook-runner.ts'
import { webhookSignature } from '../../../../src/node/scheduler/delivery/webhook.ts'
import { isPassing } from '../../../../src/node/scheduler/retry.ts'
import { isFailure } from '../../../../src/protocol/errors.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { ManualClock } from '../../../helpers/manual-clock.ts'
import { WebhookSink } from '../../../helpers/webhook-sink.ts'

const KEY = Buffer.alloc(32, 7)

describe('webhook runner', () => {
  let sink: WebhookSink

  beforeEach(async () => {
    sink = await WebhookSink.listen()
  })
  afterEach(() => sink.close())

  async function run(attempt = 1): Promise<string> {
    const target = { kind: 'webhook', url: sink.url, secret: 'env:HOOK_KEY' } as const
    const env = { HOOK_KEY: KEY.toString('base64') }
    const runner = new WebhookRunner({ clock: new ManualClock(), env })
    let signs = 0
    const progress = (): void => {
      signs++
    }
    const context = { run: 'the-run', attempt, dueAt: 60_000, progress }
    const { signal } = new AbortController()
    const result = await runner.run(jobOf('call', { target }), target, context, signal)
    assert.ok(signs > 0)
    assert.equal(result.made, undefined, 'what a sink answers is not ours to keep')
    return result.summary
  }

  it('tells the sink of job, run and time, signed, under the id of the run for each attempt', async () => {
    assert.equal(await run(), 'status 204')
    await run(2)
    const [first, second] = sink.calls
    assert.ok(first !== undefined && second !== undefined)
    assert.deepEqual(JSON.parse(first.body), {
      type: 'job.due',
      timestamp: '1970-01-01T00:01:00.000Z',
      data: { job: 'call', run: 'the-run', dueAt: 60_000 },
    })
    assert.equal(first.body, second.body)
    for (const { body, headers } of [first, second]) {
      assert.equal(headers['webhook-id'], 'the-run')
      const seconds = Number(headers['webhook-timestamp'])
      const signature = webhookSignature(KEY, 'the-run', seconds, body)
      assert.equal(headers['webhook-signature'], signature)
    }
  })

  it('fails with a code that another attempt may not', async () => {
    sink.answer = (response) => {
      response.writeHead(500).end()
    }
    await assert.rejects(run(), (err: unknown) => {
      assert.ok(isFailure(err, 'delivery-failed'))
      assert.equal(isPassing(err.code), true)
      return true
    })
  })
})
