import assert from 'node:assert/strict'
import { chmod, mkdir, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { Input, RouteName } from '../../../src/node/control/api.ts'
import { ControlClient } from '../../../src/node/control/client.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { ROUTE_NAMES } from '../../helpers/control.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const KEY = '12D3KooWDW3iHE5fsdrs8JtKL3u5yyA3EKc4XxamyPNcXsyhGZpA'

/** One good input of each route. */
const INPUTS: { [N in RouteName]: Input<N> } = {
  status: {},
  stop: {},
  daemon: {},
  reloadDaemon: {},
  noteRefusal: { by: 'job digest', task: 'kith stop' },
  stopDaemon: {},
  health: {},
  tokens: {},
  createToken: { name: 'ci', scope: 'read', expiresAt: 5 },
  revokeToken: { token: 'ci' },
  dashboard: {},
  peers: {},
  editPeers: { op: 'remove', name: 'nas' },
  explain: { name: 'a/b ü?', verb: 'ask' },
  ping: { name: 'nas', timeoutMs: 5 },
  fleet: { fresh: true, timeoutMs: 500 },
  fleetEvents: {},
  fleetHistory: { name: 'nas', limit: 3 },
  ask: { peer: 'nas', text: 'hi ü' },
  asks: { limit: 3 },
  showAsk: { ask: askId(1) },
  cancelAsk: { ask: askId(1) },
  askEvents: { ask: askId(1), after: 4 },
  settings: {},
  doctor: {},
  alerts: {},
  ackAlerts: { alert: askId(1) },
  alertEvents: { after: askId(1) },
  backups: {},
  createBackup: { to: '/mnt/b', passphrase: 'p ü?' },
  backupProgress: {},
  noteBackup: { file: '/mnt/b/a.age', how: 'content', ok: true },
  pruneBackups: { remove: false },
  approvals: { which: 'all', peer: 'nas' },
  approvalEvents: { after: askId(1) },
  showApproval: { approval: askId(1) },
  answerApproval: { approval: askId(1), answer: 'always', peer: 'nas' },
  rememberedAnswers: {},
  forgetAnswer: { approval: askId(1) },
  key: {},
  rotate: { why: 'routine', graceSeconds: 60 },
  requestRotation: { via: 'laptop' },
  completeRotation: { endorsement: 'kith://e/1/AA' },
  inspectRotation: { request: 'kith://r/1/AA' },
  signRotation: { request: 'kith://r/1/AA' },
  keepRotationKey: { peer: 'server', words: 'abandon abandon' },
  exportRotationKey: { passphrase: 'geheim' },
  forgetRotationKey: { words: 'abandon abandon' },
  checkRecovery: { words: 'abandon abandon' },
  prepareRecovery: { words: 'abandon abandon', protection: { passphrase: 'geheim' } },
  commitRecovery: {},
  retire: { words: 'abandon abandon' },
  exportKeyLog: { peer: 'bob' },
  drillRotation: {},
  peerKeys: { name: 'nas' },
  settlePeer: { name: 'nas', hash: '01234567' },
  strangers: {},
  acceptStranger: { key: KEY, name: 'nas', allow: ['ping'] },
  denyStranger: { key: KEY },
  block: { who: KEY },
  unblock: { who: KEY },
  invites: {},
  invite: { name: 'nas', allow: ['ping'], ttlSeconds: 60 },
  revokeInvite: { which: 'nas' },
  join: { link: 'kith://i/1/AA', allow: ['ping'] },
  followJoin: { invite: '0f'.repeat(16), after: 2 },
  confirmPeer: { name: 'nas', words: 'crane sick gate asthma' },
  sessions: {},
  showSession: { asker: 'nas', session: '..' },
  removeSession: { asker: 'nas', session: '..' },
  memory: {},
  addNote: { text: 'hi ü' },
  forgetNotes: { source: 'nas' },
  budget: { peer: 'nas' },
  costs: { from: '2026-11-01', to: '2026-11-21' },
  breakers: {},
  resetBreaker: { name: 'provider a/b ü?' },
  jobs: {},
  showJob: { job: 'digest' },
  editJobs: { op: 'remove', name: 'digest' },
  exportJobs: {},
  nextTimes: { job: 'digest', count: 3 },
  pauseJob: { job: 'digest', why: 'holidays ü' },
  resumeJob: { job: 'digest' },
  runJob: { job: 'digest' },
  runPeerJob: { peer: 'nas', job: 'digest' },
  runDue: {},
  runs: { job: 'digest', failed: true, cause: 'manual', by: 'self', limit: 3 },
  runEvents: {},
  showRun: { run: askId(1) },
  cancelRun: { run: askId(1) },
  retryRun: { run: askId(1) },
  feed: { job: 'digest' },
  settleItems: { job: 'digest', item: 'abcdef', op: 'release' },
  artifacts: { job: 'digest', review: 'unreviewed', limit: 3 },
  showArtifact: { artifact: askId(1) },
  reviewArtifact: { artifact: askId(1), verdict: 'rejected', reason: 'no ü' },
  deliverAgain: { run: askId(1) },
  models: {},
  testModel: { model: 'lab/large' },
  mcpTools: {},
  lookAtMcpServer: { server: 'notes' },
  acceptMcpTools: { server: 'notes', hashes: { search: 'abc' } },
  audit: { kinds: 'key,peers', limit: 5 },
  verifyAudit: {},
  auditWitnesses: {},
  auditHeld: {},
  diff: { since: 1 },
  digest: { since: 1 },
}

describe('control client', () => {
  const folder = tempFolder()
  let server: Server
  let client: ControlClient
  /** Method and path, query and body of each request. */
  let seen: { call: string; query: Record<string, string>; body: unknown }[]
  let reply: { status: number; text: string }

  beforeEach(async () => {
    seen = []
    reply = { status: 200, text: '{}' }
    server = createServer((request, response) => {
      let text = ''
      request.setEncoding('utf8')
      request.on('data', (chunk: string) => {
        text += chunk
      })
      request.on('end', () => {
        const { pathname, searchParams } = new URL(request.url ?? '', 'http://node')
        seen.push({
          call: `${request.method ?? ''} ${pathname}`,
          query: Object.fromEntries(searchParams),
          body: text === '' ? undefined : (JSON.parse(text) as unknown),
        })
        response.writeHead(reply.status).end(reply.text)
      })
    })
    const socket = join(folder(), 's')
    await new Promise<void>((resolve) => {
      server.listen(socket, resolve)
    })
    client = new ControlClient({ socket, home: folder() })
  })
  afterEach(() => new Promise((resolve) => server.close(resolve)))

  async function call(name: RouteName): Promise<unknown> {
    if (name === 'askEvents') return await Array.fromAsync(client.askEvents(INPUTS.askEvents))
    if (name === 'alertEvents') {
      return await Array.fromAsync(client.alertEvents(INPUTS.alertEvents))
    }
    if (name === 'fleetEvents') return await Array.fromAsync(client.fleetEvents(INPUTS.fleetEvents))
    if (name === 'runEvents') return await Array.fromAsync(client.runEvents(INPUTS.runEvents))
    if (name === 'costs') return await Array.fromAsync(client.costs(INPUTS.costs))
    if (name === 'approvalEvents') {
      return await Array.fromAsync(client.approvalEvents(INPUTS.approvalEvents))
    }
    return await client.call(name, INPUTS[name])
  }

  for (const name of ROUTE_NAMES) {
    it(`has the method, the path and the input of ${name} as the server has them`, async () => {
      await call(name)
      const { method, path } = ROUTES[name]
      const rest: Record<string, unknown> = { ...INPUTS[name] }
      const filled = path.replaceAll(/:(\w+)/g, (_, key: string) => {
        const value = String(rest[key])
        Reflect.deleteProperty(rest, key)
        return encodeURIComponent(value)
      })
      const text = Object.entries(rest).map(([key, value]): [string, string] => [
        key,
        String(value),
      ])
      assert.deepEqual(seen, [
        {
          call: `${method} ${filled}`,
          query: method === 'GET' ? Object.fromEntries(text) : {},
          body: method === 'GET' ? undefined : rest,
        },
      ])
    })
  }

  it('gives what the node answers', async () => {
    reply.text = JSON.stringify({ id: 'kith1x', peers: [{ name: 'ü' }] })
    assert.deepEqual(await client.call('status', {}), { id: 'kith1x', peers: [{ name: 'ü' }] })
  })

  it('leaves out what is not there', async () => {
    await client.call('asks', { limit: undefined })
    await client.call('asks', {})
    assert.deepEqual(
      seen.map(({ query }) => query),
      [{}, {}],
    )
  })

  it('throws what the node refused, with code, details and hint', async () => {
    const error = { code: 'unknown-peer', message: 'no nas', details: { name: 'nas' }, hint: 'h' }
    reply = { status: 404, text: JSON.stringify({ error: { ...error, fromPeer: false } }) }
    await assert.rejects(client.call('ping', { name: 'nas' }), (err) => {
      assert.ok(isFailure(err, 'unknown-peer'))
      assert.equal(err.message, 'no nas')
      assert.deepEqual([err.details, err.hint], [{ name: 'nas' }, 'h'])
      return true
    })
  })

  it('throws what a peer refused as such', async () => {
    const error = { code: 'busy', message: 'the peer refused', details: { position: 2 } }
    reply = { status: 409, text: JSON.stringify({ error: { ...error, fromPeer: true } }) }
    await assert.rejects(client.call('ping', { name: 'nas' }), {
      name: 'RefusedByPeer',
      code: 'busy',
      details: { position: 2 },
    })
  })

  it('says that no node runs: no socket, or one that nobody listens on', async () => {
    const expected = {
      code: 'daemon-not-running',
      details: { home: '/home' },
      hint: 'kith start',
    }
    const absent = new ControlClient({ socket: join(folder(), 'none'), home: '/home' })
    await assert.rejects(absent.call('status', {}), expected)
    await assert.rejects(Array.fromAsync(absent.askEvents({ ask: askId(1) })), expected)
  })

  describe('with a socket outside the home', () => {
    const inFolder = (name: string): ControlClient =>
      new ControlClient({ socket: join(folder(), name, 's'), home: '/home' })

    it('asks for its folder to be ours and closed to others', async () => {
      await mkdir(join(folder(), 'closed'), { mode: 0o700 })
      await assert.rejects(inFolder('closed').call('status', {}), { code: 'daemon-not-running' })
      await assert.rejects(inFolder('none').call('status', {}), { code: 'daemon-not-running' })
    })

    for (const mode of [0o710, 0o701, 0o755, 0o770]) {
      it(`sends nothing through one of mode ${mode.toString(8)}`, async () => {
        await chmod(folder(), mode)
        const outside = new ControlClient({ socket: join(folder(), 's'), home: '/home' })
        const refused = { code: 'unsafe-file', hint: /remove/ }
        await assert.rejects(outside.call('status', {}), refused)
        await assert.rejects(Array.fromAsync(outside.askEvents({ ask: askId(1) })), refused)
        assert.deepEqual(seen, [])
      })
    }

    it('sends nothing through a link, nor through a folder of another user', async () => {
      await symlink(folder(), join(folder(), 'link'))
      await assert.rejects(inFolder('link').call('status', {}), { code: 'unsafe-file' })
      const { geteuid } = process
      process.geteuid = () => 4_001
      try {
        const outside = new ControlClient({ socket: join(folder(), 's'), home: '/home' })
        await assert.rejects(outside.call('status', {}), { code: 'unsafe-file' })
      } finally {
        if (geteuid !== undefined) process.geteuid = geteuid
      }
      assert.deepEqual(seen, [])
    })
  })

  it('goes by the home alone when the socket is in it', async () => {
    await chmod(folder(), 0o755)
    await client.call('status', {})
    assert.equal(seen.length, 1)
  })

  it('gives up when it is told to', async () => {
    const stop = AbortSignal.abort()
    await assert.rejects(client.call('status', {}, stop), { name: 'AbortError' })
  })

  const streams: [name: string, text: string][] = [
    ['as they are', 'data: {"n":1}\n\ndata: {"n":2}\n\n'],
    ['with ids and comments', ': alive\n\nid: 1\ndata: {"n":1}\n\n: x\n\nid: 2\ndata:{"n":2}\n\n'],
    ['with one in two lines', 'data: {"n":\ndata: 1}\n\ndata: {"n":2}\n\n'],
    ['and not the one that is cut off', 'data: {"n":1}\n\ndata: {"n":2}\n\ndata: {"n":3}\n'],
  ]
  for (const [name, text] of streams) {
    it(`gives the items of a stream ${name}`, async () => {
      reply.text = text
      const items = await Array.fromAsync(client.askEvents({ ask: askId(1) }))
      assert.deepEqual(items, [{ n: 1 }, { n: 2 }])
    })
  }
})
