import assert from 'node:assert/strict'
import type { FleetReport, FleetRow } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = Date.UTC(2026, 10, 21, 9)
const MINUTE_MS = 60_000

const STATUS: NonNullable<FleetRow['status']> = {
  ...{ software: 'kith/0.1.0', health: 'healthy', notReady: [], engine: 'builtin', uptimeMs: 1 },
  asks: { running: 0, queued: 0 },
  audit: { state: 'green', findings: [] },
}

function row(name: string, state: FleetRow['state'], reasons: string[] = []): FleetRow {
  const answered = state === 'green' || state === 'yellow' || state === 'red'
  return {
    ...{ name, state, reasons, since: AT - 5 * MINUTE_MS, sampledAt: AT },
    steady: { state, since: AT },
    ...(answered ? { status: STATUS, rttMs: 3 } : {}),
  }
}

function report(state: FleetReport['state'], rows: FleetRow[]): FleetReport {
  return { at: AT, state, rows, hints: [] }
}

const MIXED = report('red', [
  row('bob', 'green'),
  row('cid', 'red', ['unhealthy: store']),
  { ...row('dan', 'unreachable', ['ECONNREFUSED']), lastOkAt: AT - 60 * MINUTE_MS },
  row('eve', 'denied', ['it does not let this node see its status']),
])

describe('kith fleet', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  it('shows a line for each peer, with words for its colour, and how many are how', async () => {
    cli.answers = { fleet: () => MIXED }
    assert.equal(await cli.kith('fleet'), 3)
    assert.deepEqual(cli.calls, [['fleet', { fresh: true }]])
    assert.equal(
      cli.stdout.text,
      [
        'NAME  STATE        SINCE      VERSION  ROUND TRIP  WHY',
        'bob   green        5 min 0 s  0.1.0    3 ms        -',
        'cid   red          5 min 0 s  0.1.0    3 ms        unhealthy: store',
        'dan   unreachable  5 min 0 s  -        -           ECONNREFUSED; green 1 h 0 min ago',
        'eve   denied       5 min 0 s  -        -           it does not let this node see its status',
        '',
        '4 peers: 1 green, 1 red, 1 unreachable, 1 denied',
        '',
      ].join('\n'),
    )
  })

  const codes: [FleetReport['state'], number][] = [
    ['green', 0],
    ['yellow', 1],
    ['unreachable', 2],
    ['red', 3],
    ['offline', 4],
  ]
  for (const [state, code] of codes) {
    it(`F45: exits with ${code} when it is ${state}`, async () => {
      cli.answers = { fleet: () => report(state, [row('bob', 'green')]) }
      assert.equal(await cli.kith('fleet'), code)
      assert.equal(await cli.kith('fleet', '--json'), code)
    })
  }

  it('shows what several peers say together, with what to type', async () => {
    const what = 'no peer answers: it is this node that seems to be off-line'
    const offline = {
      ...report('offline', [row('bob', 'unreachable'), row('cid', 'unreachable')]),
      hints: [{ kind: 'offline' as const, what, hint: 'kith doctor' }],
    }
    cli.answers = { fleet: () => offline }
    cli.globals = { profile: 'work' }
    await cli.kith('-p', 'work', 'fleet')
    assert.match(cli.stdout.text, new RegExp(`\n\nhint: ${what}\n    try: kith -p work doctor\n\n`))
  })

  it('colours the word on a terminal, and nothing else', async () => {
    cli.stdout.isTTY = true
    cli.answers = { fleet: () => MIXED }
    await cli.kith('fleet')
    const painted = [...cli.stdout.text.matchAll(/\u001B\[(\d+)m([\w-]+)/g)].map(
      ([, style, word]) => [style, word],
    )
    assert.deepEqual(painted, [
      ['32', 'green'],
      ['31', 'red'],
      ['90', 'unreachable'],
      ['33', 'denied'],
    ])
  })

  it('prints one JSON object', async () => {
    cli.answers = { fleet: () => MIXED }
    await cli.kith('fleet', '--json')
    assert.deepEqual(cli.stdout.json, [MIXED])
  })

  it('says what to type when nobody is pinned', async () => {
    cli.answers = { fleet: () => report('green', []) }
    assert.equal(await cli.kith('fleet'), 0)
    assert.equal(cli.stdout.text, 'no peers: kith invite NAME\n')
  })

  it('gives each peer as long as it is told to', async () => {
    cli.answers = { fleet: () => MIXED }
    await cli.kith('fleet', '--timeout', '700')
    assert.deepEqual(cli.calls, [['fleet', { fresh: true, timeoutMs: 700 }]])
  })

  for (const text of ['0', '99', '60001', 'soon']) {
    it(`takes no timeout of ${text}`, async () => {
      assert.equal(await cli.kith('fleet', '--timeout', text), 2)
      assert.deepEqual(cli.calls, [])
    })
  }

  it('exits with 6 when no node is running', async () => {
    assert.equal(await cli.kith('fleet'), 6)
  })

  describe('--watch', () => {
    const news = [
      report('green', [row('bob', 'green')]),
      report('unreachable', [row('bob', 'unreachable', ['gone'])]),
    ]

    beforeEach(() => {
      cli.answers = { fleet: () => news[0] ?? MIXED }
      cli.fleetItems = news
    })

    it('asks all, then shows each change below the last where there is no terminal', async () => {
      await cli.kith('fleet', '--watch')
      assert.deepEqual(cli.calls, [
        ['fleet', { fresh: true }],
        ['fleetEvents', {}],
      ])
      assert.match(cli.stdout.text, /^NAME[^]*1 green\n\nNAME[^]*1 unreachable\n$/)
      assert.ok(!cli.stdout.text.includes('\u001B'))
    })

    it('paints each over the last on a terminal, and gives it back as it was', async () => {
      cli.stdout.isTTY = true
      await cli.kith('fleet', '--watch')
      const { text } = cli.stdout
      assert.equal(text.split('\u001B[?1049h').length, 2)
      assert.equal(text.split('\u001B[H\u001B[J').length, 3)
      const after = text.split('\u001B[?1049l')[1] ?? ''
      assert.match(after, /gone/)
    })

    it('prints one JSON object for each change', async () => {
      await cli.kith('fleet', '--watch', '--json')
      assert.deepEqual(cli.stdout.json, news)
    })

    it('ends with Ctrl-C, and gives the terminal back', async () => {
      cli.stdout.isTTY = true
      cli.fleetItems = [...news]
      const [first] = news
      cli.answers = {
        fleet: () => {
          queueMicrotask(() => {
            cli.interrupt()
          })
          return first ?? MIXED
        },
      }
      assert.equal(await cli.kith('fleet', '--watch'), 130)
      const { text } = cli.stdout
      assert.equal(text.includes('\u001B[?1049h'), text.includes('\u001B[?1049l'))
      assert.equal(cli.stderr.text, '')
    })
  })

  describe('history', () => {
    it('shows how a peer was, the newest first', async () => {
      cli.answers = {
        fleetHistory: ({ name }) => ({
          name,
          samples: [
            {
              at: AT,
              state: 'red',
              reasons: ['unhealthy: store'],
              software: 'kith/0.1.0',
              rttMs: 4,
            },
            { at: AT - MINUTE_MS, state: 'unreachable', reasons: ['gone', 'x'] },
          ],
        }),
      }
      assert.equal(await cli.kith('fleet', 'history', 'bob', '-n', '5'), 0)
      assert.deepEqual(cli.calls, [['fleetHistory', { name: 'bob', limit: 5 }]])
      const [, ...lines] = cli.stdout.text.trimEnd().split('\n')
      assert.match(lines[0] ?? '', / red {10}0\.1\.0 {4}4 ms {8}unhealthy: store$/)
      assert.match(lines[1] ?? '', / unreachable {2}- {8}- {11}gone; x$/)
    })

    it('says so when nothing is known yet', async () => {
      cli.answers = { fleetHistory: ({ name }) => ({ name, samples: [] }) }
      await cli.kith('fleet', 'history', 'bob')
      assert.equal(cli.stdout.text, 'nothing is known of bob yet: kith fleet\n')
    })

    it('prints one JSON object', async () => {
      cli.answers = { fleetHistory: ({ name }) => ({ name, samples: [] }) }
      await cli.kith('fleet', 'history', 'bob', '--json')
      assert.deepEqual(cli.stdout.json, [{ name: 'bob', samples: [] }])
    })
  })
})
