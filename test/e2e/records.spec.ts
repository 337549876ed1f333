import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { AuditEntryReport, DigestReport, DiffReport } from '../../src/node/control/api.ts'
import { Database } from '../../src/store/database.ts'
import { eventually } from '../helpers/eventually.ts'
import { LAB_KEY, configureAgent, costsOf, linesOf, modelAt } from '../helpers/live-agent.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { ModelServer } from '../helpers/model-server.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { kith } from '../helpers/run-kith.ts'

const DAY_MS = 86_400_000

describe('what a node keeps of what has happened to it', () => {
  const make = liveNodes()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    server = await ModelServer.start()
    alice = await make('alice')
    bob = await make('bob', { env: { [LAB_KEY]: 'sk-lab' } })
    await configureAgent(bob, modelAt(server, { model: { context_tokens: 2_000 } }))
    await alice.pin(bob)
    await bob.pin(alice, {
      allow: ['ask'],
      addresses: [],
      ask: { preset: 'write', approve: ['write'] },
    })
    await bob.start()
    await alice.start()
    await alice.linkedTo(bob)
  })
  after(() => server.stop())

  /** By the command, which also reads the files of a node that does not run. */
  async function diff(node: LiveNode, since: string): Promise<DiffReport> {
    const { code, err, out } = await kith(node, 'diff', '--since', since, '--json')
    assert.equal(code, 0, err)
    return JSON.parse(out) as DiffReport
  }

  /** What the node that runs says. */
  async function changesSince(since: number): Promise<string[]> {
    return (await bob.client.call('diff', { since })).changes.map(({ what }) => what)
  }

  async function audited(kind: string): Promise<AuditEntryReport[]> {
    return await bob.client.call('audit', { kinds: kind, limit: 1_000 })
  }

  it('G02: has each field of the logs in records of a real ask, of an approval and of a compaction', async () => {
    server.otherwise = ({ body }) =>
      body.messages.at(-1)?.role === 'tool'
        ? { kind: 'text', text: 'done', usage: { input: 900, output: 20 } }
        : { kind: 'tools', calls: [{ name: 'write_file', input: { path: 'a.md', text: 'x' } }] }
    const ask = await alice.submit(bob, 'write it down', { session: 'work' })
    const answer = alice.answer(ask)
    const approval = await eventually(async () => {
      const [open] = await bob.client.call('approvals', {})
      assert.ok(open)
      return open.approval
    })
    await bob.client.call('answerApproval', { approval, answer: 'once' })
    assert.equal((await answer).final.outcome, 'done')
    server.otherwise = () => ({ kind: 'text', text: 'well '.repeat(400) })
    for (let turn = 0; turn < 6; turn++)
      await alice.ask(bob, `tell ${turn} `.repeat(100), { session: 'work' })

    /** The fields of the last line that has the ask, and those that it must have. */
    const holds = async (log: string, fields: string[], id?: string): Promise<void> => {
      const lines = await linesOf(bob, log)
      const line = lines.findLast((one) => id === undefined || one['ask'] === id)
      assert.deepEqual(
        fields.filter((field) => line?.[field] === undefined),
        [],
        `${log}: ${JSON.stringify(line)}`,
      )
    }
    const turn = [
      'at',
      'ask',
      'asker',
      'session',
      'engine',
      'outcome',
      'elapsedMs',
      'tools',
      'replyBytes',
      'prompt',
    ]
    await holds('agent.log', [...turn, 'microUsd', 'tokens', 'calls'], ask)
    const closed = ['at', 'approval', 'ask', 'asker', 'chain', 'session', 'tool', 'class', 'what']
    await holds('approval.log', [...closed, 'verdict', 'scope', 'by', 'waitedMs'], ask)
    await holds(
      'runs.log',
      ['at', 'ask', 'asker', 'engine', 'outcome', 'cause', 'lastTool', 'tail'],
      ask,
    )
    const compaction = [
      'at',
      'asker',
      'session',
      'trigger',
      'tokensBefore',
      'tokensAfter',
      'messages',
    ]
    await holds('compaction.log', [...compaction, 'truncated'])
    await holds('service.log', ['level', 'time', 'msg'])
    // The ledger is data, and no log.
    const { records } = await costsOf(bob)
    const record = records.find((one) => one.ask === ask)
    assert.ok(record)
    for (const field of [
      'at',
      'asker',
      'session',
      'model',
      'inputTokens',
      'outputTokens',
      'microUsd',
      'estimated',
    ]) {
      assert.ok(field in record, field)
    }
  })

  it('F34: tells of an approval in the audit log, and of whom it was for', async () => {
    const [entry] = await audited('approval')
    assert.equal(entry?.what, 'granted: write_file for alice')
    assert.equal(entry.who, 'owner')
    assert.equal(entry.details?.['class'], 'write')
    assert.ok(!JSON.stringify(await audited('approval')).includes('a.md'))
  })

  it('F34: tells of pins, rights, jobs and settings that were changed, also by hand', async () => {
    assert.equal((await kith(bob, 'peers', 'allow', 'alice', 'status')).code, 0)
    await eventually(async () => {
      const [entry] = (await audited('grants')).slice(-1)
      assert.deepEqual([entry?.what, entry?.who], ['alice gained status', 'owner'])
    })
    const config = await readFile(bob.home.config, 'utf8')
    await writeFile(bob.home.config, `${config}stop: {drain_seconds: 9}\n`)
    assert.equal((await kith(bob, 'peers', 'deny', 'alice', 'status')).code, 0)
    await eventually(async () => {
      const whats = (await audited('config')).map(({ what }) => what)
      assert.ok(whats.includes('stop.drain_seconds none → 9'), whats.join('\n'))
    })
  })

  it('F34: tells of refused calls with their number, and of asks that were cancelled', async () => {
    server.otherwise = () => ({ kind: 'stall', text: 'wait' })
    const ask = await bob.submit('self', 'something long')
    await bob.client.call('cancelAsk', { ask })
    const [cancel] = await audited('cancel')
    assert.equal(cancel?.who, 'owner')
    assert.equal(cancel.details?.['ask'], ask)
    for (let call = 0; call < 3; call++) {
      await assert.rejects(alice.client.call('ping', { name: 'bob', timeoutMs: 5_000 }))
    }
    await bob.stop()
    // Without a node, too: what was only counted was written when it stopped.
    const { code, out } = await kith(bob, 'audit', 'show', '--kind', 'denied', '--json')
    assert.equal(code, 0)
    const denied = JSON.parse(out) as AuditEntryReport[]
    const sum = denied.reduce(
      (total, { details }) => total + Number(details?.['ping denied'] ?? 0),
      0,
    )
    assert.ok(sum >= 3, out)
    assert.equal(denied[0]?.who, 'alice')
    const shown = await kith(bob, 'audit', 'show', '-n', '3')
    assert.match(shown.out, / stop +node +the node stopped$/m)
    const verified = await kith(bob, 'audit', 'verify')
    assert.equal(verified.code, 0)
    assert.match(verified.out, /^intact: \d+ entries/)
    assert.match(verified.out, /^signed: up to \d+/m)
  })

  it('G09: shows a pin and a note that were removed, a right gained and a limit raised, running or not', async () => {
    await bob.start()
    await bob.client.call('addNote', { text: 'the cat is called Turing' })
    const peers = await readFile(bob.home.peers, 'utf8')
    await bob.stop()
    const begun = Date.now()
    const lines = peers.replace('preset: write', 'preset: write\n      daily_usd: 5')
    await writeFile(bob.home.peers, lines, { mode: 0o600 })
    await bob.start()
    // What was edited meanwhile is noted in a moment of its own.
    await eventually(async () => {
      assert.ok((await changesSince(begun)).includes('alice: ask.daily_usd none → 5'))
    })
    // Of the states of one second the last is kept.
    const noted = Math.floor(Date.now() / 1_000)
    await eventually(() => {
      assert.ok(Date.now() >= (noted + 1) * 1_000)
    })
    const middle = new Date().toISOString()
    await writeFile(bob.home.peers, lines.replace('daily_usd: 5', 'daily_usd: 10'), { mode: 0o600 })
    assert.equal((await kith(bob, 'peers', 'allow', 'alice', 'ping')).code, 0)
    await bob.client.call('forgetNotes', { source: 'self' })
    const now = await diff(bob, middle)
    const whats = now.changes.map(({ what }) => what)
    assert.ok(whats.includes('alice gained ping'), whats.join('\n'))
    assert.ok(whats.includes('alice: ask.daily_usd 5 → 10'), whats.join('\n'))
    assert.ok(whats.some((what) => what.startsWith('forgotten: ') && what.includes('Turing')))
    assert.equal((await kith(bob, 'peers', 'remove', 'alice')).code, 0)
    await bob.stop()
    const before = await rowsOf(bob)
    const stopped = await diff(bob, middle)
    assert.ok(stopped.changes.some(({ what }) => what === 'peer alice was removed'))
    for (const since of ['1h', '7d', new Date().toISOString().slice(0, 10)]) await diff(bob, since)
    assert.equal(await rowsOf(bob), before)
    await bob.start()
    const running = await changesSince(Date.parse(middle))
    assert.ok(running.includes('peer alice was removed'))
    const { activity } = await bob.client.call('diff', { since: Date.now() - DAY_MS })
    assert.ok(activity.asked.in >= 7 && activity.cost.calls > 0 && activity.compactions > 0)
    const text = await kith(bob, 'diff')
    assert.match(text.out, /^ {2}asks: \d+ here, 0 sent to peers; 1 sessions/m)
  })

  it('G09: changes no row of the store of a node that runs', async () => {
    await bob.client.call('audit', { limit: 1 })
    const before = await bob.client.call('audit', { limit: 1 })
    for (const since of [0, Date.now() - DAY_MS]) await bob.client.call('diff', { since })
    const digest = await bob.client.call('digest', { since: 0 })
    assert.deepEqual(await bob.client.call('audit', { limit: 1 }), before)
    assert.ok(digest.until > 0)
  })

  it('G09: tells of a key that was rotated', async () => {
    const since = Date.now()
    await bob.client.call('rotate', { why: 'routine', graceSeconds: 0 })
    const changes = await changesSince(since)
    assert.ok(changes.includes('this node: key rotated'), changes.join('\n'))
  })

  it('G09: shows in its digest what needs attention, with its remedy', async () => {
    const { code, out } = await kith(bob, 'digest', '--since', '7d', '--json')
    assert.equal(code, 0)
    const digest = JSON.parse(out) as DigestReport
    assert.ok(digest.attention.every(({ what }) => what !== ''))
    assert.ok(digest.denials.some(({ calls, peer }) => peer === 'alice' && calls >= 3))
    assert.ok(digest.compactions > 0 && digest.cost.calls > 0)
    const text = await kith(bob, 'digest')
    assert.match(text.out, /^refused\n {2}\d+ calls of alice$/m)
  })

  it('F34: verify names an entry that somebody has changed in the store', async () => {
    await bob.stop()
    const database = await Database.open(bob.home.store)
    const sublevel = database.sublevel('audit')
    const [key = '', value = new Uint8Array()] =
      (await sublevel.iterator({ limit: 3 }).all())[2] ?? []
    const changed = value.with(value.length - 1, (value.at(-1) ?? 0) ^ 1)
    await database.write([{ type: 'put', sublevel, key, value: changed }], { durable: true })
    await database.close()
    const { code, out } = await kith(bob, 'audit', 'verify')
    assert.equal(code, 1)
    assert.equal(out, 'broken: entry 3 was changed after it was written\n')
    await bob.start()
    const running = await kith(bob, 'audit', 'verify', '--json')
    assert.deepEqual(JSON.parse(running.out), { intact: false, seq: 3, problem: 'edited' })
  })

  it('G01: follows the log of a node that runs: a line that is written after it began', async () => {
    const env = {
      PATH: process.env['PATH'],
      KITH_HOME: bob.home.path,
      NODE_COMPILE_CACHE: compileCache(),
    }
    const args = [
      program('kith'),
      'logs',
      '-f',
      '-n',
      '1',
      '--json',
      '--source',
      'service,audit,agent',
    ]
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const first = await lines.next()
      assert.ok(first.done !== true)
      await appendFile(
        `${bob.home.logs}/service.log`,
        `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), msg: 'of this test' })}\n`,
      )
      for (;;) {
        const { done, value } = await lines.next()
        assert.ok(done !== true)
        const { fields, source } = JSON.parse(value) as {
          fields?: { msg?: string }
          source: string
        }
        if (fields?.msg === 'of this test') {
          assert.equal(source, 'service')
          break
        }
      }
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGINT')
      assert.equal(await ended, 0)
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('G01: merges the logs by time, in text and in JSON', async () => {
    const { code, out } = await kith(bob, 'logs', '-n', '400', '--json')
    assert.equal(code, 0)
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { at: number; source: string })
    const sources = new Set(lines.map(({ source }) => source))
    for (const source of ['service', 'agent', 'audit']) assert.ok(sources.has(source), source)
    assert.deepEqual(
      lines.map(({ at }) => at),
      lines.map(({ at }) => at).toSorted((a, b) => a - b),
    )
    const text = await kith(bob, 'logs', '-n', '5', '--source', 'audit')
    assert.equal(text.out.trim().split('\n').length, 5)
    const wrong = await kith(bob, 'logs', '--source', 'nothing')
    assert.equal(wrong.code, 2)
    const all = await kith(bob, 'logs', '-n', '3', '--all-profiles', '--json')
    assert.equal(
      (JSON.parse(all.out.split('\n')[0] ?? '') as { profile: string }).profile,
      'default',
    )
  })
})

/** A digest of all rows of the store of a node that does not run. */
async function rowsOf({ home }: LiveNode): Promise<string> {
  const database = await Database.open(home.store)
  const hash = createHash('sha256')
  for (const name of [
    'audit',
    'audit-ends',
    'states',
    'state-contents',
    'asks',
    'epoch',
    'sessions',
    'alerts',
  ]) {
    for await (const [key, value] of database.sublevel(name).iterator())
      hash.update(key).update(value)
  }
  await database.close()
  return hash.digest('hex')
}
