import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../../../src/protocol/errors.ts'
import {
  postWebhook,
  webhookBody,
  webhookSignature,
  WEBHOOK_TIMEOUT_MS,
} from '../../../../src/node/scheduler/delivery/webhook.ts'
import { ManualClock } from '../../../helpers/manual-clock.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'
import { WebhookSink } from '../../../helpers/webhook-sink.ts'

const never = new AbortController().signal
const KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('webhook', () => {
  const folder = tempFolder()
  const clock = new ManualClock()
  let sink: WebhookSink

  beforeEach(async () => {
    sink = await WebhookSink.listen()
  })
  afterEach(async () => {
    await sink.close()
    assert.equal(clock.timers, 0)
  })

  async function post(
    init: { url?: string; secret?: string; addresses?: string[] } = {},
    signal = never,
  ): Promise<number> {
    const { addresses = ['127.0.0.1'], secret, url = sink.url } = init
    return await postWebhook(
      { clock, env: { HOOK_KEY: KEY, SHORT: 'c2hvcnQ=' }, resolver: async () => addresses },
      { url, id: 'run.0', body: webhookBody('job.ended', 1_000, { job: 'ü' }), secret },
      signal,
    )
  }

  it('is signed as the standard has it', () => {
    // The example of the reference implementation, https://github.com/standard-webhooks/standard-webhooks.
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
    const key = Buffer.from(KEY, 'base64')
    assert.equal(
      webhookSignature(key, id, 1_614_265_330, '{"test": 2432232314}'),
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    )
  })

  it('posts the body with id, time and signature', async () => {
    assert.equal(await post({ secret: 'env:HOOK_KEY' }), 204)
    const [call] = sink.calls
    assert.equal(call?.method, 'POST')
    assert.equal(call.path, '/hook')
    assert.deepEqual(JSON.parse(call.body), {
      type: 'job.ended',
      timestamp: '1970-01-01T00:00:01.000Z',
      data: { job: 'ü' },
    })
    const seconds = Math.floor(clock.now() / 1_000)
    assert.equal(call.headers['webhook-id'], 'run.0')
    assert.equal(call.headers['webhook-timestamp'], String(seconds))
    const signature = webhookSignature(Buffer.from(KEY, 'base64'), 'run.0', seconds, call.body)
    assert.equal(call.headers['webhook-signature'], signature)
    assert.equal(call.headers['content-type'], 'application/json')
  })

  it('is signed by the key in a file, with or without the prefix of the standard, or not at all', async () => {
    const path = join(folder(), 'key')
    await writeFile(path, `whsec_${KEY}\n`, { mode: 0o600 })
    await post({ secret: `file:${path}` })
    await post({ secret: 'env:HOOK_KEY' })
    await post()
    const signatures = sink.calls.map(({ headers }) => headers['webhook-signature'])
    assert.equal(signatures[0], signatures[1])
    assert.equal(signatures[2], undefined)
  })

  it('is not sent with a key that is none, or is not there', async () => {
    for (const secret of ['env:SHORT', 'env:NO_KEY']) {
      await assert.rejects(post({ secret }), (err: unknown) => isFailure(err, 'usage'))
    }
    assert.equal(sink.connections, 0)
  })

  for (const status of [200, 202, 299]) {
    it(`has arrived with status ${status}`, async () => {
      sink.answer = (response) => {
        response.writeHead(status).end('thank you')
      }
      assert.equal(await post(), status)
    })
  }

  for (const status of [300, 301, 307, 400, 410, 500, 503]) {
    it(`has failed with status ${status}, and goes nowhere else`, async () => {
      sink.answer = (response) => {
        response.writeHead(status, { location: '/elsewhere' }).end()
      }
      await assert.rejects(post(), (err: unknown) => {
        assert.ok(isFailure(err, 'delivery-failed'))
        assert.match(err.message, new RegExp(`^http://127\\.0\\.0\\.1:\\d+/…: status ${status}`))
        return true
      })
      assert.equal(sink.calls.length, 1)
    })
  }

  it('fails when nobody listens, or the sink hangs up', async () => {
    const { url } = sink
    sink.answer = (response) => response.destroy()
    await assert.rejects(post(), (err: unknown) => isFailure(err, 'delivery-failed'))
    await sink.close()
    await assert.rejects(post({ url }), (err: unknown) => isFailure(err, 'delivery-failed'))
    sink = await WebhookSink.listen()
  })

  it('fails when the sink does not answer in time', async () => {
    const held = Promise.withResolvers<undefined>()
    sink.answer = () => {
      held.resolve(undefined)
    }
    const posted = post()
    await held.promise
    clock.advance(WEBHOOK_TIMEOUT_MS - 1)
    clock.advance(1)
    await assert.rejects(posted, (err: unknown) => {
      assert.ok(isFailure(err, 'delivery-failed'))
      assert.match(err.message, /no answer within 20 s/)
      return true
    })
  })

  it('fails when the name of the sink is not found in time', async () => {
    const looking = Promise.withResolvers<undefined>()
    const posted = postWebhook(
      {
        clock,
        resolver: async () => {
          looking.resolve(undefined)
          return await new Promise<never>(() => undefined)
        },
      },
      { url: 'http://sink.test/', id: 'run.0', body: '{}' },
      never,
    )
    await looking.promise
    clock.advance(WEBHOOK_TIMEOUT_MS)
    await assert.rejects(posted, (err: unknown) => isFailure(err, 'delivery-failed'))
  })

  it('reads no more of an answer than a little, and has arrived whatever else comes of it', async () => {
    let written = 0
    const closed = Promise.withResolvers<undefined>()
    sink.answer = (response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536
      }
      response.on('drain', more).on('close', () => {
        closed.resolve(undefined)
      })
      more()
    }
    assert.equal(await post(), 200)
    await closed.promise
    assert.ok(written < 16_777_216, `${written} bytes were taken`)
    sink.answer = (response) => {
      response.writeHead(200).write('and then', () => response.destroy())
    }
    assert.equal(await post(), 200)
  })

  it('ends with its signal', async () => {
    const stop = new AbortController()
    const reason = new Error('the node stops')
    sink.answer = () => {
      stop.abort(reason)
    }
    await assert.rejects(post({}, stop.signal), (err: unknown) => err === reason)
  })

  const metadata = ['169.254.169.254', 'fe80::1', '100.100.100.200', 'fd00:ec2::254', '0.0.0.0']
  for (const address of [
    ...metadata,
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '224.0.0.1',
  ]) {
    it(`does not go to ${address}, also not when it is one of several`, async () => {
      const url = `http://sink.test:${new URL(sink.url).port}/`
      for (const addresses of [[address], ['127.0.0.1', address]]) {
        await assert.rejects(
          post({ url, addresses }),
          (err: unknown) => isFailure(err, 'denied') && err.details.rule === 'address',
        )
      }
      assert.equal(sink.connections, 0)
    })
  }

  it('goes to the address that was looked up, and looks up no second time', async () => {
    const url = `http://sink.test:${new URL(sink.url).port}/`
    assert.equal(await post({ url }), 204)
    assert.match(sink.calls[0]?.headers.host ?? '', /^sink\.test:/)
  })
})
