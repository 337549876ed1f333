import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { agentSchema } from '../../src/node/agent-config.ts'
import { schedulerSchema } from '../../src/node/scheduler/scheduler-config.ts'
import type { Today } from '../../src/node/agent/spending.ts'
import { backupSchema } from '../../src/node/backup/backup-config.ts'
import type { Alert } from '../../src/node/alerts.ts'
import { CHECKS, runChecks } from '../../src/node/checks.ts'
import type { CheckedNode } from '../../src/node/checks.ts'
import { verdictOf } from '../../src/node/checks/finding.ts'
import type { Finding } from '../../src/node/checks/finding.ts'
import type { DialState } from '../../src/node/dialer.ts'
import type { Peer } from '../../src/node/pins.ts'
import { blankState } from '../../src/node/scheduler/job-state.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { createIdentity } from '../../src/node/identity.ts'
import { homeOf } from '../../src/node/home.ts'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { once } from 'node:events'

const ADDRESS = '/ip4/127.0.0.1/tcp/1'

/** A day on which nothing was spent, without a cap. Checks of the agent have a spec of their own. */
const UNSPENT: Today = {
  ...{ day: '2026-11-21', resetAt: 0, askers: new Map(), jobs: new Map(), models: new Map() },
  node: {
    ...{ microUsd: 0, tokens: 0, calls: 0, unpriced: 0, cap: {}, left: {} },
    reserved: { microUsd: 0, tokens: 0 },
  },
}

const BACKED_UP: CheckedNode['backups']['records'] = {
  ages: { madeAt: Date.now(), verifiedAt: Date.now(), drilledAt: Date.now() },
  changing: undefined,
  failure: undefined,
  list: () => [],
  restored: undefined,
}

const NO_FEEDS = {
  jobs: () => Promise.resolve([]),
  open: () => Promise.reject(new TypeError('there are no feeds')),
}

const NO_RESULTS: CheckedNode['jobs']['results'] = {
  artifacts: {
    totals: async () => ({
      unreviewed: { count: 0, bytes: 0 },
      reviewed: { count: 0, bytes: 0 },
    }),
  },
  deliveries: {
    newest: async function* () {
      // There are none.
    },
  },
  held: new Set(),
}

describe('checks', () => {
  const folder = tempFolder()
  let node: Omit<CheckedNode, 'pins'> & {
    pins: { keysOf: () => undefined; peers: () => Peer[]; problem: Error | undefined }
  }
  /** What the stubs of the node say. */
  let storeFailure: Error | undefined
  let problem: Error | undefined
  let peers: Peer[]
  let connected: boolean
  let dial: DialState | undefined
  let alerts: Alert[]
  let blocked: string | undefined
  let addresses: string[]
  let lobby: { mode: 'auto' | 'off'; open: boolean }
  let socket: Server

  beforeEach(async () => {
    storeFailure = undefined
    problem = undefined
    peers = []
    connected = false
    dial = undefined
    alerts = []
    blocked = undefined
    addresses = ['/ip4/127.0.0.1/tcp/7423']
    lobby = { mode: 'auto', open: false }
    const path = folder()
    socket = createServer()
    const { identity } = await createIdentity(path, { clear: true }, Date.now())
    const home = homeOf({ KITH_HOME: path }, undefined)
    await once(socket.listen(home.socket), 'listening')
    await chmod(home.socket, 0o600)
    for (const name of ['a.json', 'b.json']) {
      await writeFile(join(path, 'keys', name), 'secret', { mode: 0o600 })
    }
    node = {
      parts: { states: () => [] },
      build: undefined,
      settings: undefined,
      get storeFailure() {
        return storeFailure
      },
      storeFormat: 1,
      self: { events: identity.log },
      keys: {
        announcer: { standing: () => 'acknowledged' },
        rotation: { waiting: () => Promise.resolve(undefined) },
      },
      pins: {
        peers: () => peers,
        keysOf: () => undefined,
        get problem() {
          return problem
        },
      },
      links: { get: () => (connected ? { hello: undefined, openedAt: 0 } : undefined) },
      dialer: { state: () => dial },
      alerts: { list: () => alerts },
      strangers: { blocks: (who) => who === blocked },
      lobby: {
        get open() {
          return lobby.open
        },
      },
      get config() {
        return {
          agent: agentSchema.parse({}),
          backup: backupSchema.parse({}),
          scheduler: schedulerSchema.parse({}),
          listen: ['/ip4/127.0.0.1/tcp/7423'],
          lobby: { mode: lobby.mode, per_minute: 1, per_address_per_minute: 1 },
        }
      },
      mesh: { addresses: () => addresses },
      agent: {
        approvals: { pending: () => [] },
        breakers: { list: () => [] },
        mcp: { faults: () => [], reports: () => [] },
        spending: { today: () => Promise.resolve(UNSPENT) },
      },
      jobs: {
        list: () => [],
        problem: undefined,
        reachOf: () => 'none',
        state: blankState,
        feeds: NO_FEEDS,
        results: NO_RESULTS,
      },
      backups: { config: backupSchema.parse({}), records: BACKED_UP },
      clock: new ManualClock(),
      home,
    }
  })

  afterEach(() => {
    socket.close()
  })

  async function findings(check: string): Promise<Finding[]> {
    const all = await runChecks(node)
    return all.filter((finding) => finding.check === check)
  }

  it('of the listener fails when it lost its address, until it has it again', async () => {
    assert.deepEqual(await findings('listener'), [
      { check: 'listener', state: 'ok', what: 'listens on /ip4/127.0.0.1/tcp/7423' },
    ])
    addresses = []
    const [finding] = await findings('listener')
    assert.deepEqual(
      [finding?.state, finding?.what],
      ['fail', 'does not listen on /ip4/127.0.0.1/tcp/7423'],
    )
  })

  /** The one finding of a check. */
  async function finding(check: string): Promise<Finding> {
    const [found, ...rest] = await findings(check)
    assert.deepEqual(rest, [])
    assert.ok(found)
    return found
  }

  function peer(pin: Partial<Peer['pin']> = {}, standing: Partial<Peer> = {}): Peer {
    return { ...peerOf('bob', pin), ...standing }
  }

  function alert(n: number, init: Partial<Alert> = {}): Alert {
    const id = `01a1fd5d-0392-7386-8375-${String(n).padStart(12, '0')}`
    const text = { kind: 'peer-frozen', what: `alert ${n}`, hint: `hint ${n}` }
    return { id, at: n, ...text, count: 1, lastAt: n, ...init }
  }

  it('all say that all is well, each with its name', async () => {
    const all = await runChecks(node)
    assert.deepEqual(
      all.map(({ check, state }) => [check, state]),
      CHECKS.map(({ name }) => [name, 'ok']),
    )
    assert.equal(verdictOf(all), 'ok')
  })

  it('give the worst state as their verdict', () => {
    const of = (...states: Finding['state'][]): string =>
      verdictOf(states.map((state) => ({ state, what: '' })))
    assert.deepEqual(
      [of(), of('ok'), of('ok', 'warn', 'ok'), of('fail', 'warn', 'ok')],
      ['ok', 'ok', 'warn', 'fail'],
    )
  })

  it('hold one that breaks to be a failure, and go on with the others', async () => {
    const broken = { name: 'broken', run: () => Promise.reject(new Error('a slip')) }
    const [first] = CHECKS
    assert.ok(first)
    assert.deepEqual(await runChecks(node, [broken, first]), [
      { check: 'broken', state: 'fail', what: 'a slip' },
      { check: 'store', state: 'ok', what: 'takes writes', details: { format: 1 } },
    ])
  })

  it('store fails once the disk has refused a write', async () => {
    const details = { folder: '/x' }
    storeFailure = new KithError('store-failed', 'no writes', details, { hint: 'df -h' })
    assert.deepEqual(await finding('store'), {
      check: 'store',
      state: 'fail',
      what: 'no writes',
      hint: 'df -h',
    })
    storeFailure = undefined
    assert.equal((await finding('store')).state, 'ok')
  })

  it('peers-file fails while the file on disk is not in force', async () => {
    problem = new KithError(
      'invalid-file',
      'peers.yaml:3: no',
      { path: 'x' },
      { hint: 'edit line 3' },
    )
    const { hint, state, what } = await finding('peers-file')
    assert.deepEqual([state, what, hint], ['fail', 'peers.yaml:3: no', 'edit line 3'])
    problem = undefined
    assert.equal((await finding('peers-file')).state, 'ok')
  })

  describe('key-files', () => {
    for (const [path, mode, good] of [
      ['.', 0o755, 0o700],
      ['keys', 0o750, 0o700],
      ['identity.json', 0o622, 0o600],
      ['keys/a.json', 0o640, 0o600],
      ['keys/b.json', 0o604, 0o600],
    ] as const) {
      it(`fails while ${path} has the mode ${mode.toString(8)}, and names the command`, async () => {
        const whole = join(folder(), path)
        await chmod(whole, mode)
        const { hint, state, what } = await finding('key-files')
        assert.equal(state, 'fail')
        assert.ok(what.startsWith(whole))
        const [command, bits, target] = hint?.split(' ') ?? []
        assert.deepEqual([command, target], ['chmod', whole])
        await chmod(whole, Number.parseInt(bits ?? '', 8))
        assert.equal(bits, good.toString(8))
        assert.equal((await finding('key-files')).state, 'ok')
      })
    }

    it('looks at the keys that are kept for other nodes too', async () => {
      const kept = join(folder(), 'keys', 'kept', 'kith1nas')
      await mkdir(kept, { recursive: true, mode: 0o700 })
      for (const name of ['c.json', 'c.next'])
        await writeFile(join(kept, name), '', { mode: 0o600 })
      const { state, what } = await finding('key-files')
      assert.deepEqual([state, what], ['ok', '5 keys, closed to other users'])
      await chmod(join(kept, 'c.json'), 0o644)
      assert.match((await finding('key-files')).hint ?? '', /chmod 600 .*c\.json$/)
      await chmod(join(kept, 'c.json'), 0o600)
      await chmod(kept, 0o755)
      assert.equal((await finding('key-files')).hint, `chmod 700 ${kept}`)
    })

    it('tells of each file that is at fault', async () => {
      for (const name of ['a.json', 'b.json']) await chmod(join(folder(), 'keys', name), 0o644)
      assert.equal((await findings('key-files')).length, 2)
    })

    it('does not mind that others may read what is no secret, nor half a file', async () => {
      await chmod(join(folder(), 'identity.json'), 0o644)
      await writeFile(join(folder(), 'keys', '.c.json.1234'), '', { mode: 0o666 })
      assert.deepEqual(await finding('key-files'), {
        check: 'key-files',
        state: 'ok',
        what: '4 keys, closed to other users',
      })
    })
  })

  describe('lobby', () => {
    const waiting = peer({}, { key: undefined })
    it('is well by itself, open or shut', async () => {
      assert.match((await finding('lobby')).what, /is shut/)
      lobby.open = true
      peers = [waiting]
      const { state, what } = await finding('lobby')
      assert.deepEqual([state, what.includes('is open')], ['ok', true])
    })

    it('warns while it is off and a peer waits', async () => {
      lobby.mode = 'off'
      peers = [waiting]
      const { hint, state, what } = await finding('lobby')
      assert.equal(state, 'warn')
      assert.match(what, /: bob$/)
      assert.match(hint ?? '', /lobby\.mode/)
      peers = [peer()]
      assert.deepEqual(
        [(await finding('lobby')).state, (await finding('lobby')).what],
        ['ok', 'is off'],
      )
      peers = [peer({}, { key: undefined, retired: true })]
      assert.equal((await finding('lobby')).state, 'ok')
    })
  })

  describe('peers', () => {
    it('has a line for each', async () => {
      peers = [peer(), peer({ name: 'carol' }), peer({ name: 'dora' })]
      assert.equal((await findings('peers')).length, 3)
      peers = []
      assert.equal((await finding('peers')).what, 'nobody is pinned')
    })

    const faults: [
      title: string,
      standing: { peer: Peer; dial?: DialState },
      state: string,
      hint: RegExp | undefined,
    ][] = [
      [
        'fails for one that is frozen, connected or not',
        { peer: peer({}, { frozen: true }) },
        'fail',
        /kith key recover/,
      ],
      [
        'warns of one that has retired',
        { peer: peer({}, { retired: true, key: undefined }) },
        'warn',
        /^kith peers remove bob$/,
      ],
      [
        'warns of one that could not be reached',
        {
          peer: peer({ addresses: [ADDRESS] }),
          dial: { failures: 1, lastError: 'ECONNREFUSED' },
        },
        'warn',
        /^kith peers show bob$/,
      ],
      [
        'warns of one that waits and cannot be dialled',
        { peer: peer({}, { key: undefined }) },
        'warn',
        /^kith peers set-address bob /,
      ],
      [
        'is content with one that it dials for the first time',
        {
          peer: peer({ addresses: [ADDRESS] }, { key: undefined }),
          dial: { failures: 0 },
        },
        'ok',
        undefined,
      ],
      [
        'is content with one that calls us, and does not just now',
        { peer: peer() },
        'ok',
        undefined,
      ],
    ]
    for (const [title, standing, state, hint] of faults) {
      it(title, async () => {
        peers = [standing.peer]
        dial = standing.dial
        const found = await finding('peers')
        assert.equal(found.state, state)
        assert.match(found.what, /^bob/)
        if (hint === undefined) assert.equal(found.hint, undefined)
        else assert.match(found.hint ?? '', hint)
      })
    }

    it('warns of one that has unpinned us, connected or not', async () => {
      peers = [peer({ addresses: [ADDRESS] }, { unpinnedUsAt: 1 })]
      for (connected of [false, true]) {
        const { hint, state, what } = await finding('peers')
        assert.deepEqual([state, hint], ['warn', 'kith peers remove bob'])
        assert.match(what, /^bob has unpinned this node/)
      }
    })

    it('warns of one that is blocked, by key or by node id', async () => {
      const { id, key } = peerOf('bob')
      peers = [peer()]
      for (blocked of [id, key]) {
        const { hint, state } = await finding('peers')
        assert.deepEqual([state, hint], ['warn', `kith peers unblock ${blocked}`])
      }
    })

    it('clears when the peer is there', async () => {
      peers = [peer({ addresses: [ADDRESS] })]
      dial = { failures: 1, lastError: 'ECONNREFUSED' }
      assert.equal((await finding('peers')).state, 'warn')
      connected = true
      assert.equal((await finding('peers')).what, 'bob is connected')
      peers = [peer({}, { frozen: true })]
      assert.equal((await finding('peers')).state, 'fail')
    })
  })

  describe('alerts', () => {
    it('warns of each that is open, with its own remedy, and says how to be done', async () => {
      alerts = [alert(1, { seenAt: 5 }), alert(2), alert(3, { count: 4 })]
      assert.deepEqual(
        (await findings('alerts')).map(({ hint, state, what }) => [state, what, hint]),
        [
          ['warn', 'alert 2', 'hint 2'],
          ['warn', 'alert 3 (4 times)', 'hint 3'],
          ['warn', '2 alerts are open until you acknowledge them', 'kith alerts ack --all'],
        ],
      )
      alerts = alerts.map((open) => ({ ...open, seenAt: 6 }))
      assert.equal((await finding('alerts')).state, 'ok')
    })

    it('shows twenty at most, the newest, and where the others are', async () => {
      alerts = Array.from({ length: 20 }, (_, n) => alert(n))
      const all = await findings('alerts')
      assert.deepEqual([all.length, all.at(-1)?.hint], [21, 'kith alerts ack --all'])
      alerts.push(alert(20))
      const some = await findings('alerts')
      assert.deepEqual([some.length, some.at(-1)?.hint], [21, 'kith alerts list'])
      assert.equal(some[0]?.what, 'alert 1')
    })
  })
})
