import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { Alerts } from '../../../src/node/alerts.ts'
import { AlertSender } from '../../../src/node/fleet/alert-sender.ts'
import { Database } from '../../../src/store/database.ts'
import { FakeCli } from '../../cli/fake-cli.ts'
import { eventually } from '../../helpers/eventually.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { WebhookSink } from '../../helpers/webhook-sink.ts'

const DOWN = {
  kind: 'peer-health',
  peer: 'bob',
  what: 'bob does not answer',
  hint: 'kith fleet history bob',
} as const
const DAY_MS = 86_400_000

describe('the way of alerts to a webhook', () => {
  const folder = tempFolder()
  const log = pino({ level: 'silent' })
  let clock: ManualClock
  let database: Database
  let alerts: Alerts
  let sender: AlertSender
  let sink: WebhookSink
  /** Where the alerts go; undefined for nowhere. */
  let webhook: string | undefined

  beforeEach(async () => {
    sink = await WebhookSink.listen()
    webhook = sink.url
    clock = new ManualClock()
    await open()
  })
  afterEach(async () => {
    await close()
    await sink.close()
  })

  async function open(): Promise<void> {
    database = await Database.open(folder())
    alerts = new Alerts({ database, clock, randomBytes, log })
    await alerts.start()
    sender = new AlertSender(
      { alerts, clock, log, self: { id: 'kith1me' } },
      { database, random: () => 0.5, sink: webhook === undefined ? {} : { webhook } },
    )
    await sender.start()
  }

  async function close(): Promise<void> {
    await sender.stop()
    alerts.stop()
    await database.close()
  }

  function idOf(index = 0): string {
    return alerts.list()[index]?.id ?? ''
  }

  /** Once this alert stands so. */
  async function stands(state: string, tries: number, index = 0): Promise<void> {
    await eventually(() => {
      const sending = sender.of(idOf(index))
      assert.deepEqual([sending?.state, sending?.tries], [state, tries])
    })
  }

  it('F46: an alert arrives once, with what the owner has to know', async () => {
    alerts.raise(DOWN)
    alerts.raise(DOWN)
    const { body, headers } = await sink.nthCall(1)
    await stands('done', 1)
    assert.equal(headers['webhook-id'], idOf())
    assert.deepEqual(JSON.parse(body), {
      type: 'alert.raised',
      timestamp: '2026-11-21T09:00:00.000Z',
      data: { alert: idOf(), node: 'kith1me', ...DOWN },
    })
    assert.equal(sink.calls.length, 1)
  })

  it('F46: a sink that is down is tried again, and the alert is shown as undelivered meanwhile', async () => {
    sink.answer = (response) => response.writeHead(503).end()
    alerts.raise(DOWN)
    await stands('waiting', 1)
    assert.equal(sender.of(idOf())?.nextAt, clock.now() + 5_000)
    const shown = await listed()
    assert.match(shown, /undelivered: .*status 503 \(1 try, next /)

    clock.advance(5_000)
    await stands('waiting', 2)
    sink.answer = (response) => response.writeHead(204).end()
    clock.advance(10_000)
    await stands('done', 3)
    assert.doesNotMatch(await listed(), /undelivered/)
    const ids = new Set(sink.calls.map(({ headers }) => headers['webhook-id']))
    assert.equal(ids.size, 1)
  })

  it('F46: sends what came up before it started, and nothing of before that', async () => {
    await sender.stop()
    alerts.raise(DOWN)
    clock.advance(1)
    const late = new AlertSender(
      { alerts, clock, log, self: { id: 'kith1me' } },
      { database, random: () => 0.5, sink: { webhook: sink.url } },
    )
    alerts.raise({ ...DOWN, what: 'bob is red' })
    sender = late
    await sender.start()
    await stands('done', 1, 1)
    assert.equal(sender.of(idOf()), undefined)
    assert.equal(sink.calls.length, 1)
  })

  it('F46: goes on after a restart', async () => {
    sink.answer = (response) => response.writeHead(500).end()
    alerts.raise(DOWN)
    await stands('waiting', 1)
    await close()
    sink.answer = (response) => response.writeHead(204).end()
    clock.advance(5_000)
    await open()
    await stands('done', 2)
  })

  it('F46: is given up after a day', async () => {
    sink.answer = (response) => response.writeHead(500).end()
    alerts.raise(DOWN)
    for (let tries = 1; tries < 16; tries++) {
      await stands('waiting', tries)
      const { nextAt = 0 } = sender.of(idOf()) ?? {}
      assert.ok(nextAt > clock.now() && nextAt - clock.now() < DAY_MS)
      clock.advance(nextAt - clock.now())
    }
    await stands('dead', 16)
    assert.match(await listed(), /undelivered: .*; given up after 16 tries/)
  })

  it('is not sent once the owner has acknowledged it', async () => {
    sink.answer = (response) => response.writeHead(500).end()
    alerts.raise(DOWN)
    await stands('waiting', 1)
    await alerts.acknowledge('all')
    clock.advance(DAY_MS)
    alerts.raise({ ...DOWN, what: 'bob is red' })
    await stands('waiting', 1, 1)
    assert.deepEqual(sender.of(idOf())?.tries, 1)
  })

  it('sends nothing without a webhook', async () => {
    await close()
    webhook = undefined
    await open()
    alerts.raise(DOWN)
    assert.equal(sender.of(idOf()), undefined)
    assert.equal(sink.connections, 0)
  })

  /** What `kith alerts list` shows. */
  async function listed(): Promise<string> {
    const cli = new FakeCli()
    cli.answers = {
      alerts: () =>
        alerts.list().map((alert) => {
          const delivery = sender.of(alert.id)
          return delivery === undefined ? alert : { ...alert, delivery }
        }),
    }
    await cli.kith('alerts', 'list')
    return cli.stdout.text
  }
})
