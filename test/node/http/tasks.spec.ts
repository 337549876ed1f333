import assert from 'node:assert/strict'
import type { TaskReport } from '../../../src/node/http/tasks/task-routes.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { ASK_RETENTION_MS } from '../../../src/protocol/limits.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { TaskClient } from '../../helpers/http-client.ts'
import { HttpNode } from '../../helpers/http-node.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { openNodes } from '../../helpers/open-node.ts'
import { readEvents, sentEvents } from '../../helpers/sse.ts'
import type { SentEvent } from '../../helpers/sse.ts'
import { StubAgent } from '../../helpers/stub-agent.ts'

describe('http tasks', () => {
  const nodes = openNodes()
  let node: KithNode
  let http: HttpNode
  let agent: StubAgent
  let clock: ManualClock
  let admin: TaskClient

  async function client(scope: 'read' | 'tasks' | 'admin', name: string): Promise<TaskClient> {
    return new TaskClient(http.url, await http.token(scope, name))
  }

  beforeEach(async () => {
    agent = new StubAgent()
    clock = new ManualClock(Date.now())
    node = await nodes().open('node', {
      flags: { 'http.listen': '127.0.0.1:0', 'agent.parallel': 64 },
      around: (surroundings) => ({
        ...surroundings,
        clock,
        engine: async () => ({ engine: agent, stop: async () => undefined }),
      }),
    })
    await node.start()
    http = new HttpNode(node)
    await http.start()
    admin = await client('admin', 'boss')
  })
  afterEach(() => http.stop())

  describe('to submit', () => {
    it('F49: gives 201, an address and an id once the task is on disk', async () => {
      const response = await admin.post('/api/tasks', { text: 'hello' })
      assert.equal(response.status, 201)
      const task = (await response.json()) as TaskReport
      assert.equal(response.headers.get('location'), `/api/tasks/${task.id}`)
      assert.deepEqual([task.to, task.submitter, task.text], ['self', 'token boss', 'hello'])
      const end = await admin.ended(task.id)
      assert.deepEqual([end.state, end.result, end.progress], ['succeeded', 'hello', 'thinking'])
      assert.ok((end.endedAt ?? 0) >= end.createdAt)
    })

    const unfit: [what: string, body: unknown, status: number][] = [
      ['a field that it does not know', { text: 'a', colour: 'red' }, 400],
      ['no text', { to: 'self' }, 400],
      ['an empty text', { text: '' }, 400],
      ['a text that is too long', { text: 'x'.repeat(262_145) }, 400],
      ['a body that is too long', { text: 'x'.repeat(3_000_000) }, 413],
      ['a list', [], 400],
      ['no JSON', '{"text":', 400],
      ['a key with a space', { text: 'a', idempotencyKey: 'a b' }, 400],
      ['a session with a colon', { text: 'a', session: 'a:b' }, 400],
      ['a peer that is not pinned', { text: 'a', to: 'nobody' }, 404],
      ['a deadline of no time', { text: 'a', timeoutMs: 0 }, 400],
      ['F51: a preset that nobody has', { text: 'a', preset: 'root' }, 400],
    ]
    for (const [what, body, status] of unfit) {
      it(`F49: takes none with ${what}`, async () => {
        assert.equal((await admin.post('/api/tasks', body)).status, status)
        assert.deepEqual(await admin.page(), { tasks: [] })
        assert.equal(agent.runs.length, 0)
      })
    }

    it('F49: gives the same task for the same key, in the body or in a header', async () => {
      const first = await admin.submit({ text: 'once', idempotencyKey: 'k1' })
      for (const [body, headers] of [
        [{ text: 'once', idempotencyKey: 'k1' }, {}],
        [{ text: 'once' }, { 'idempotency-key': 'k1' }],
      ] as const) {
        const again = await admin.post('/api/tasks', body, headers)
        assert.equal(again.status, 200)
        assert.equal(((await again.json()) as TaskReport).id, first.id)
      }
      await admin.ended(first.id)
      assert.equal(agent.runs.length, 1)
    })

    it('F49: runs once what comes ten times at once with one key', async () => {
      const replies = await Promise.all(
        Array.from({ length: 10 }, () =>
          admin.post('/api/tasks', { text: 'a', idempotencyKey: 'k' }),
        ),
      )
      const tasks = (await Promise.all(replies.map((reply) => reply.json()))) as TaskReport[]
      assert.equal(new Set(tasks.map(({ id }) => id)).size, 1)
      assert.deepEqual(replies.map(({ status }) => status).sort(), [
        ...Array<number>(9).fill(200),
        201,
      ])
      await admin.ended(tasks[0]?.id ?? '')
      assert.equal(agent.runs.length, 1)
    })

    it('F49: runs once what comes ten times in one moment with one key', async () => {
      const request = { text: 'a', to: 'self', idempotencyKey: 'k' }
      const all = await Promise.all(
        Array.from({ length: 10 }, () => node.http.tasks.submit({ kind: 'owner' }, request)),
      )
      assert.equal(new Set(all.map(({ task }) => task.id)).size, 1)
      assert.equal(all.filter(({ isNew }) => isNew).length, 1)
      await admin.ended(all[0]?.task.id ?? '')
      assert.equal(agent.runs.length, 1)
    })

    it('F49: refuses a key that stands for another task, and keeps those of others apart', async () => {
      const first = await admin.submit({ text: 'one', idempotencyKey: 'k' })
      assert.equal(
        (await admin.post('/api/tasks', { text: 'two', idempotencyKey: 'k' })).status,
        409,
      )
      const other = await client('tasks', 'other')
      const theirs = await other.submit({ text: 'two', idempotencyKey: 'k' })
      assert.notEqual(theirs.id, first.id)
    })

    it('F63: is refused once a token has submitted what it may in a day', async () => {
      const token = { kind: 'token', id: 'x', name: 'x', scope: 'tasks', preset: 'none' } as const
      const request = { text: 'x'.repeat(262_144), to: 'nobody' }
      const ends = await Promise.allSettled(
        Array.from({ length: 1_009 }, () => node.http.tasks.submit(token, request)),
      )
      const [before, last] = ends.slice(-2)
      assert.ok(before?.status === 'rejected' && isFailure(before.reason, 'unknown-peer'))
      assert.ok(last?.status === 'rejected' && isFailure(last.reason, 'rate-limited'))
    })

    it('F49: goes on when the client hangs up', async () => {
      agent.hold()
      const { id } = await admin.submit({ text: 'long' })
      const abort = new AbortController()
      const events = sentEvents(await admin.get(`/api/tasks/${id}/events`, {}, abort.signal))
      await events.next()
      abort.abort()
      await assert.rejects(events.next())
      assert.equal((await admin.task(id)).state, 'running')
      agent.release()
      assert.equal((await admin.ended(id)).state, 'succeeded')
    })

    it('F51: lets the tools of a task do no more than the token allows', async () => {
      const { text } = await node.http.tokens.create({
        name: 'low',
        scope: 'tasks',
        preset: 'read-only',
      })
      const low = new TaskClient(http.url, { authorization: `Bearer ${text}` })
      const effective: [string, string][] = []
      for (const preset of ['none', 'read-only', 'write', 'full', undefined]) {
        const { id } = await low.submit({ text: 'a', ...(preset === undefined ? {} : { preset }) })
        const task = await low.ended(id)
        effective.push([preset ?? '-', task.preset ?? '-'])
      }
      assert.deepEqual(effective, [
        ['none', 'none'],
        ['read-only', 'read-only'],
        ['write', 'read-only'],
        ['full', 'read-only'],
        ['-', 'read-only'],
      ])
      assert.deepEqual(
        agent.runs.map(({ presets }) => presets.at(-1)),
        ['none', 'read-only', 'read-only', 'read-only', 'read-only'],
      )
    })
  })

  describe('to find again', () => {
    it('F50: are paged without loss while others come', async () => {
      const ids: string[] = []
      for (let n = 0; n < 1_000; n++) {
        const { isNew, task } = await node.http.tasks.submit(
          { kind: 'owner' },
          { text: `${n}`, to: 'self' },
        )
        assert.ok(isNew)
        ids.push(task.id)
      }
      const seen: string[] = []
      for (let cursor: string | undefined = ''; cursor !== undefined;) {
        const { next, tasks } = await admin.page(
          `?limit=97${cursor === '' ? '' : `&cursor=${cursor}`}`,
        )
        seen.push(...tasks.map(({ id }) => id))
        await admin.submit({ text: 'one more' })
        cursor = next
      }
      assert.equal(new Set(seen).size, seen.length)
      const before = new Set(ids)
      assert.deepEqual(
        seen.filter((id) => before.has(id)),
        ids.toSorted().reverse(),
      )
    }).timeout(60_000)

    it('F50: are counted by their state as the store has them', async () => {
      for (let n = 0; n < 3; n++) await admin.ended((await admin.submit({ text: 'a' })).id)
      agent.hold()
      const held = []
      for (let n = 0; n < 4; n++) held.push(await admin.submit({ text: 'b' }))
      const count = async (state: string): Promise<number> =>
        (await admin.page(`?state=${state}`)).tasks.length
      await Promise.all(
        held.map(
          async ({ id }) => await sentEvents(await admin.get(`/api/tasks/${id}/events`)).next(),
        ),
      )
      assert.deepEqual([await count('running'), await count('succeeded')], [4, 3])
      assert.equal(node.answerer.counts.running, 4)
      agent.release()
    })

    it('F50: tell of their end what it was and why', async () => {
      agent.hold()
      const cancelled = await admin.submit({ text: 'a' })
      await admin.post(`/api/tasks/${cancelled.id}/cancel`, {})
      const end = await admin.ended(cancelled.id)
      assert.deepEqual([end.state, end.cause?.code], ['cancelled', 'cancelled'])
      const late = await admin.submit({ text: 'b', timeoutMs: 20 })
      const ending = admin.ended(late.id)
      await eventually(() => {
        clock.advance(20)
      })
      const lateEnd = await ending
      assert.deepEqual([lateEnd.state, lateEnd.cause?.code], ['timed-out', 'deadline'])
      agent.release()
      agent.script = async function* () {
        yield { kind: 'failed', code: 'internal', details: { incident: 'x' } } as never
      }
      const failed = await admin.ended((await admin.submit({ text: 'c' })).id)
      assert.deepEqual([failed.state, failed.cause?.code], ['failed', 'internal'])
    })

    it('F55: are written down with whoever cancels them', async () => {
      agent.hold()
      const { id } = await admin.submit({ text: 'a' })
      await admin.post(`/api/tasks/${id}/cancel`, {})
      await node.audit.flush()
      const entries = await Array.fromAsync(node.audit.journal.read(), ({ body }) => body)
      const found = entries.find(({ kind }) => kind === 'cancel')
      assert.deepEqual([found?.who, found?.details], ['token boss', { [id]: 1 }])
      agent.release()
    })

    it('F55: are written down in few rows when one token cancels without end', async () => {
      agent.hold()
      const { id } = await admin.submit({ text: 'a' })
      for (let i = 0; i < 50; i++) await admin.post(`/api/tasks/${id}/cancel`, {})
      await node.audit.stop()
      const rows = await Array.fromAsync(node.audit.journal.read(), ({ body }) => body)
      const found = rows.filter(({ kind }) => kind === 'cancel').map(({ details }) => details)
      assert.deepEqual(found, [...Array.from({ length: 6 }, () => ({ [id]: 1 })), { [id]: 44 }])
      agent.release()
    })

    it('F50: are cancelled by the whole of their id and by nothing less', async () => {
      agent.hold()
      const { id } = await admin.submit({ text: 'a' })
      for (const wrong of [id.slice(0, -1), id.toUpperCase(), `${id}0`, '*']) {
        const { status } = await admin.post(`/api/tasks/${wrong}/cancel`, {})
        assert.ok(status === 400 || status === 404, wrong)
      }
      assert.equal((await admin.task(id)).state, 'running')
      agent.release()
    })

    it('show a token of scope tasks its own and no others', async () => {
      const [one, two] = [await client('tasks', 'one'), await client('tasks', 'two')]
      const { id } = await one.submit({ text: 'mine' })
      assert.deepEqual((await two.page()).tasks, [])
      assert.equal((await two.get(`/api/tasks/${id}`)).status, 404)
      assert.equal((await two.get(`/api/tasks/${id}/events`)).status, 404)
      assert.equal((await two.post(`/api/tasks/${id}/cancel`, {})).status, 404)
      const reader = await client('read', 'reader')
      assert.equal((await reader.page()).tasks[0]?.submitter, 'token one')
      assert.equal(await node.http.tasks.submitterOf(id), 'token one')
      assert.equal(await node.http.tasks.submitterOf(`${id}0`), undefined)
      assert.equal((await reader.post(`/api/tasks/${id}/cancel`, {})).status, 403)
      assert.equal((await reader.post('/api/tasks', { text: 'a' })).status, 403)
    })

    it('F53: keep sessions of one name apart by who submits', async () => {
      const [one, two] = [await client('tasks', 'one'), await client('tasks', 'two')]
      await one.ended((await one.submit({ text: 'a', session: 's' })).id)
      await two.ended((await two.submit({ text: 'b', session: 's' })).id)
      await one.ended((await one.submit({ text: 'c', session: 's' })).id)
      const [first, second, third] = agent.runs.map(({ session }) => session)
      assert.notEqual(first, undefined)
      assert.notEqual(first, second)
      assert.equal(first, third)
      assert.deepEqual(
        (await one.page('?session=s')).tasks.map(({ session }) => session),
        ['s', 's'],
      )
    })

    it('F53: keep the progress of two tasks in one session apart', async () => {
      agent.script = async function* (ask) {
        yield { kind: 'progress', note: `of ${ask.text}` }
        yield { kind: 'done' }
      }
      const [a, b] = [
        await admin.submit({ text: 'a', session: 's' }),
        await admin.submit({ text: 'b', session: 's' }),
      ]
      assert.deepEqual(
        [(await admin.ended(a.id)).progress, (await admin.ended(b.id)).progress],
        ['of a', 'of b'],
      )
    })

    it('F63: are forgotten with their asks, and their keys with them', async () => {
      const body = { text: 'a', idempotencyKey: 'k' }
      const { id } = await admin.submit(body)
      await admin.ended(id)
      clock.stall(ASK_RETENTION_MS)
      assert.equal(await node.http.tasks.tidy(), 0)
      clock.stall(ASK_RETENTION_MS)
      await node.housekeeping.run()
      assert.equal(await node.http.tasks.tidy(), 1)
      assert.equal((await admin.get(`/api/tasks/${id}`)).status, 404)
      assert.notEqual((await admin.submit(body)).id, id)
    })
  })

  describe('events', () => {
    it('F52: carry a number, and the end an id after which nothing comes', async () => {
      const { id } = await admin.submit({ text: 'hello' })
      const events = await readEvents(await admin.get(`/api/tasks/${id}/events`))
      assert.deepEqual(
        events.map(({ data, event, id: at }) => [at, event, data.type]),
        [
          ['1', 'progress', 'progress'],
          ['2', 'text', 'text'],
          ['end', 'end', 'end'],
        ],
      )
      const again = await admin.get(`/api/tasks/${id}/events`, { 'last-event-id': 'end' })
      assert.equal(again.status, 204)
    })

    it('F52: are all there, in order, after a hundred drops at random', async () => {
      const total = 300
      let go = Promise.withResolvers<void>()
      agent.script = async function* () {
        for (let n = 1; n <= total; n++) {
          // Some come while a reader is there, some between two readers.
          if (n % 3 === 0) {
            await go.promise
            go = Promise.withResolvers()
          }
          yield { kind: 'text', text: `${n}\n` }
        }
        yield { kind: 'done' }
      }
      const { id } = await admin.submit({ text: 'a' })
      const seen: SentEvent[] = []
      let drops = 0
      for (let ended = false; !ended;) {
        const abort = new AbortController()
        const lastId = seen.at(-1)?.id
        const headers: Record<string, string> =
          lastId === undefined ? {} : { 'last-event-id': lastId }
        const dropAfter = 1 + Math.floor(Math.random() * 3)
        let taken = 0
        go.resolve()
        for await (const event of sentEvents(
          await admin.get(`/api/tasks/${id}/events`, headers, abort.signal),
        )) {
          seen.push(event)
          if (event.event === 'end') ended = true
          go.resolve()
          if (drops < 100 && ++taken >= dropAfter) break
        }
        abort.abort()
        drops++
      }
      assert.ok(drops >= 100)
      const texts = seen.map(({ data }) => (data.type === 'text' ? data.text : ''))
      const whole = Array.from({ length: total }, (_, at) => `${at + 1}\n`)
      assert.deepEqual(texts.slice(0, -1), whole)
      assert.deepEqual(
        seen.slice(0, -1).map(({ id: at }) => Number(at)),
        whole.map((_, at) => at + 1),
      )
      assert.equal((await admin.task(id)).result, whole.join(''))
    }).timeout(30_000)

    it('F52: have a comment every 15 seconds while there is nothing to say', async () => {
      agent.hold()
      const { id } = await admin.submit({ text: 'slow' })
      const response = await admin.get(`/api/tasks/${id}/events`)
      assert.ok(response.body !== null)
      let text = ''
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk
        if (text.includes('thinking') && !text.includes(': alive')) clock.advance(15_000)
        if (text.includes(': alive')) break
      }
      assert.match(text, /^: alive$/m)
      agent.release()
    })

    it('F52: say what is gone of what was seen', async () => {
      const { id } = await admin.submit({ text: 'hello' })
      await admin.ended(id)
      const events = await readEvents(
        await admin.get(`/api/tasks/${id}/events`, { 'last-event-id': '7' }),
      )
      assert.deepEqual(events[0]?.data, { type: 'gap', from: 3, to: 7 })
      assert.equal(events[1]?.event, 'end')
    })

    for (const lastId of ['-1', 'x', '1e3', '9'.repeat(16)]) {
      it(`F52: refuse ${lastId} as an id of theirs`, async () => {
        const { id } = await admin.submit({ text: 'hello' })
        const { status } = await admin.get(`/api/tasks/${id}/events`, { 'last-event-id': lastId })
        assert.equal(status, 400)
      })
    }
  })
})
