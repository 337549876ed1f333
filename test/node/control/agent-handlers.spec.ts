import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pino } from 'pino'
import { Memory } from '../../../src/agent/memory.ts'
import type { SpendLimit } from '../../../src/agent/ports.ts'
import { Breakers } from '../../../src/node/agent/breakers.ts'
import type { RememberedRecord } from '../../../src/node/agent/approval-records.ts'
import { SessionStore } from '../../../src/node/agent/sessions.ts'
import { Spending } from '../../../src/node/agent/spending.ts'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { Output } from '../../../src/node/control/api.ts'
import { breakerHandlers } from '../../../src/node/control/handlers/breakers.ts'
import { budgetHandlers } from '../../../src/node/control/handlers/budget.ts'
import { memoryHandlers } from '../../../src/node/control/handlers/memory.ts'
import { modelHandlers } from '../../../src/node/control/handlers/models.ts'
import type { ModelTest } from '../../../src/node/control/handlers/models.ts'
import { sessionHandlers } from '../../../src/node/control/handlers/sessions.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { ledgerHomes, spendingAsk, usageOf } from '../../helpers/ledger-home.ts'
import type { LedgerHome } from '../../helpers/ledger-home.ts'
import { keyLogOf } from '../../helpers/key-logs.ts'
import { peerOf, StubPins } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const SELF = 'kith1self'
const DAY_MS = 86_400_000
const { signal } = new AbortController()

describe("control handlers of the agent's parts", () => {
  const homes = ledgerHomes()
  const folder = tempFolder()
  const names = { self: { id: SELF }, pins: new StubPins([peerOf('bob'), peerOf('carol')]) }
  let home: LedgerHome

  beforeEach(() => {
    home = homes()
  })

  /** What a route gives, which must be what its schema says: the server does not look. */
  function checked<N extends keyof typeof ROUTES>(name: N, output: unknown): Output<N> {
    const overWire: unknown = JSON.parse(JSON.stringify(output))
    assert.deepEqual(ROUTES[name].output.parse(overWire), overWire)
    return output as Output<N>
  }

  describe('sessions', () => {
    let handlers: ReturnType<typeof sessionHandlers>
    /** Sessions of bob whose remembered answers were forgotten. */
    let forgotten: string[]

    beforeEach(async () => {
      const { clock, database } = home
      const sessions = new SessionStore({ database, clock })
      forgotten = []
      const forgetIf = async (isOver: (answer: RememberedRecord) => boolean): Promise<void> => {
        for (const session of ['..', 'other']) {
          if (isOver({ asker: { name: 'bob', id: 'kith1bob' }, session } as RememberedRecord)) {
            forgotten.push(session)
          }
        }
      }
      handlers = sessionHandlers({
        ...names,
        agent: { sessions, approvals: { answers: { forgetIf } } },
      })
      const { id: stranger } = await keyLogOf('bert')
      for (const [name, id] of [
        ['self', SELF],
        ['bob', 'kith1bob'],
        ['bert', stranger],
      ] as const) {
        const asker = { name, id }
        const at = clock.now()
        await sessions.append(spendingAsk(1, name, { asker, session: '..' }), [
          { role: 'user', text: `${name} asks`, at },
          { role: 'assistant', text: 'ü', at },
        ])
        clock.advance(1_000)
      }
    })

    it('are listed with the names of their askers, the one that was used last first', async () => {
      const { id } = await keyLogOf('bert')
      const all = checked('sessions', await handlers.sessions({}, signal))
      assert.deepEqual(
        all.map(({ asker, bytes, messages, session }) => [asker, session, messages, bytes]),
        [
          [id, '..', 2, 11],
          ['bob', '..', 2, 10],
          ['self', '..', 2, 11],
        ],
      )
    })

    it('are shown by the name of an asker, or by the id of one that is no longer pinned', async () => {
      const { id } = await keyLogOf('bert')
      for (const [asker, text] of [
        ['self', 'self asks'],
        ['bob', 'bob asks'],
        [id, 'bert asks'],
      ] as const) {
        const view = await handlers.showSession({ asker, session: '..' }, signal)
        assert.equal(checked('showSession', view).messages[0]?.text, text)
      }
    })

    it('are removed with what was allowed for them, and nothing else is', async () => {
      const gone = await handlers.removeSession({ asker: 'bob', session: '..' }, signal)
      assert.equal(checked('removeSession', gone).asker, 'bob')
      assert.equal((await handlers.sessions({}, signal)).length, 2)
      assert.deepEqual(forgotten, ['..'])
      for (const again of [handlers.removeSession, handlers.showSession]) {
        await assert.rejects(again({ asker: 'bob', session: '..' }, signal), {
          code: 'unknown-session',
          hint: 'kith sessions list',
        })
      }
    })

    it('of an asker that nobody knows are refused', async () => {
      await assert.rejects(handlers.showSession({ asker: 'dora', session: 'x' }, signal), {
        code: 'unknown-peer',
      })
    })
  })

  describe('memory', () => {
    it('is added to, shown and forgotten by its source', async () => {
      const memory = new Memory(join(folder(), 'MEMORY.md'))
      const handlers = memoryHandlers({ clock: home.clock, agent: { memory } })
      await memory.remember('the disk is sdb', 'bob', home.clock.now())
      checked('addNote', await handlers.addNote({ text: 'tea at five' }, signal))
      const notes = checked('memory', await handlers.memory({}, signal))
      assert.deepEqual(
        notes.map(({ source, text }) => [source, text]),
        [
          ['self', 'tea at five'],
          ['bob', 'the disk is sdb'],
        ],
      )
      const told = await handlers.forgetNotes({ source: 'bob' }, signal)
      assert.deepEqual(checked('forgetNotes', told), { forgotten: 1 })
      assert.equal((await handlers.memory({}, signal)).length, 1)
    })
  })

  describe('budget', () => {
    let handlers: ReturnType<typeof budgetHandlers>

    beforeEach(() => {
      const { caps, clock, database, ledger } = home
      caps.day = { microUsd: 5_000 }
      const askerDay = (id: string): SpendLimit => (id === 'kith1carol' ? { tokens: 700 } : {})
      const spending = new Spending({ database, ledger, clock, askerDay, zone: () => 'UTC' }, caps)
      const config = { agent: { budget: { ask_usd: 0.25 } } }
      handlers = budgetHandlers({ ...names, config, agent: { spending } })
    })

    async function spend(name: string, microUsd?: number, model = 'lab/large'): Promise<void> {
      const deadlineAt = home.clock.now() + 3_600_000
      const reservation = await home.ledger.reserve(
        spendingAsk(1, name, { deadlineAt }),
        usageOf(microUsd ?? 0, 10, { model }),
      )
      await reservation.settle(usageOf(microUsd, 10, { model }))
    }

    it('has the day of the node, of whoever has spent, and of whoever has a cap', async () => {
      await spend('bob', 40)
      await spend('self', 2, 'lab/small')
      const report = checked('budget', await handlers.budget({}, signal))
      assert.deepEqual(report.ask, { microUsd: 250_000 })
      assert.deepEqual(
        report.scopes.map(({ cap, left, scope, spent, who }) => [
          scope,
          who,
          spent.microUsd,
          cap,
          left,
        ]),
        [
          ['day', undefined, 42, { microUsd: 5_000 }, { microUsd: 4_958 }],
          ['peer-day', 'bob', 40, {}, {}],
          ['peer-day', 'self', 2, {}, {}],
          ['peer-day', 'carol', 0, { tokens: 700 }, { tokens: 700 }],
        ],
      )
      assert.deepEqual(
        report.models.map(({ microUsd, model }) => [model, microUsd]),
        [
          ['lab/large', 40],
          ['lab/small', 2],
        ],
      )
    })

    it('has the jobs of today, in all and among what is the owner’s, and in its records', async () => {
      const job = { name: 'nightly', cap: { microUsd: 50 } }
      const ask = spendingAsk(1, 'self', { job, deadlineAt: home.clock.now() + 3_600_000 })
      await (await home.ledger.reserve(ask, usageOf(40))).settle(usageOf(40))
      await spend('bob', 1)
      const jobsOf = async (peer?: string): Promise<unknown[]> => {
        const query = peer === undefined ? {} : { peer }
        const { scopes } = checked('budget', await handlers.budget(query, signal))
        return scopes
          .filter(({ scope }) => scope === 'job')
          .map(({ cap, left, who }) => [who, cap, left])
      }
      const shown = [['nightly', { microUsd: 50 }, { microUsd: 10 }]]
      assert.deepEqual(await jobsOf(), shown)
      assert.deepEqual(await jobsOf('self'), shown)
      assert.deepEqual(await jobsOf('bob'), [])
      const records = (await costs()).filter((item) => item.type === 'record')
      assert.deepEqual(
        records.map((record) => record.job),
        ['nightly', undefined],
      )
    })

    it('has the day of one peer, with its models alone', async () => {
      await spend('bob', 40)
      await spend('bob', 5)
      await spend('carol', 2)
      const report = checked('budget', await handlers.budget({ peer: 'bob' }, signal))
      assert.deepEqual(
        report.scopes.map(({ scope, who }) => [scope, who]),
        [['peer-day', 'bob']],
      )
      assert.deepEqual(report.models, [
        { model: 'lab/large', microUsd: 45, tokens: 20, calls: 2, unpriced: 0 },
      ])
      await assert.rejects(handlers.budget({ peer: 'dora' }, signal), { code: 'unknown-peer' })
    })

    async function costs(from?: string, to?: string): Promise<Output<'costs'>[]> {
      const days = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
      const items = await Array.fromAsync(await handlers.costs(days, signal))
      for (const item of items) checked('costs', item)
      return items
    }

    it('exports records whose sums are those of the ledger, day by day and in all', async () => {
      for (let day = 0; day < 3; day++) {
        await spend('bob', 10 ** day)
        await spend('carol')
        home.clock.advance(DAY_MS)
      }
      const days: [from: string | undefined, to: string | undefined, microUsd: number][] = [
        [undefined, undefined, 111],
        ['2026-11-22', undefined, 110],
        [undefined, '2026-11-21', 1],
        ['2026-11-22', '2026-11-22', 10],
        ['2027-01-01', undefined, 0],
      ]
      for (const [from, to, microUsd] of days) {
        const items = await costs(from, to)
        const sum = items.at(-1)
        assert.ok(sum?.type === 'sum')
        assert.equal(sum.complete, true)
        assert.equal(sum.records.microUsd, microUsd)
        assert.deepEqual(sum.records, sum.ledger)
        assert.equal(sum.records.calls, items.length - 1)
      }
      const [first] = await costs()
      assert.ok(first?.type === 'record')
      assert.deepEqual(
        [first.seq, first.asker, first.microUsd, first.day],
        [1, 'bob', 1, '2026-11-21'],
      )
    })

    it('says so when records are no longer kept', async () => {
      await spend('bob', 10)
      await spend('bob', 20)
      await home.ledger.journal.pruneBefore(2)
      const sum = (await costs()).at(-1)
      assert.ok(sum?.type === 'sum')
      assert.deepEqual([sum.complete, sum.records.microUsd, sum.ledger.microUsd], [false, 20, 30])
    })

    it('takes what is spent meanwhile for no fault', async () => {
      await spend('bob', 10)
      const items = await handlers.costs({}, signal)
      let sum: Output<'costs'> | undefined
      for await (const item of items) {
        if (item.type === 'record') await spend('bob', 20)
        sum = item
      }
      assert.ok(sum?.type === 'sum')
      assert.deepEqual([sum.complete, sum.records.microUsd, sum.ledger.microUsd], [true, 10, 30])
    })
  })

  describe('breakers', () => {
    it('are listed, and reset with both states told', async () => {
      const { clock, database } = home
      const log = pino({ level: 'silent' })
      const breakers = await Breakers.open({ database, clock, random: () => 0, log })
      const handlers = breakerHandlers({ agent: { breakers } })
      for (let n = 0; n < 5; n++) breakers.enter('provider lab').failed()
      assert.deepEqual(
        checked('breakers', await handlers.breakers({}, signal)).map(({ state }) => state),
        ['open'],
      )
      const told = await handlers.resetBreaker({ name: 'provider lab' }, signal)
      const { after, before } = checked('resetBreaker', told)
      assert.deepEqual([before.state, after.state], ['open', 'closed'])
      await assert.rejects(handlers.resetBreaker({ name: 'x' }, signal), {
        code: 'unknown-breaker',
      })
    })
  })

  describe('models', () => {
    const listed = { model: 'lab/large', priced: true }

    function handlersOf(outcome: () => Promise<ModelTest>): ReturnType<typeof modelHandlers> {
      const models = { list: async () => [listed], test: outcome }
      return modelHandlers({ agent: { name: 'model', models } })
    }

    it('are none where another engine answers', async () => {
      const handlers = modelHandlers({ agent: { name: 'builtin' } })
      const report = checked('models', await handlers.models({}, signal))
      assert.deepEqual(report, { engine: 'builtin', models: [] })
      await assert.rejects(handlers.testModel({ model: 'lab/large' }, signal), {
        code: 'unknown-model',
      })
    })

    it('that answer are told with their time', async () => {
      const handlers = handlersOf(async () => ({ ok: true, ms: 12 }))
      assert.deepEqual((await handlers.models({}, signal)).models, [listed])
      const told = await handlers.testModel({ model: 'lab/large' }, signal)
      assert.deepEqual(checked('testModel', told), { ...listed, ok: true, ms: 12 })
      await assert.rejects(handlers.testModel({ model: 'lab/small' }, signal), {
        code: 'unknown-model',
      })
    })

    const faults: [fault: NonNullable<ModelTest['fault']>, hint: RegExp][] = [
      [{ kind: 'refused', message: 'm', status: 401 }, /key/],
      [{ kind: 'refused', message: 'm', status: 402 }, /credit/],
      [{ kind: 'refused', message: 'm', status: 404 }, /name of the model/],
      [{ kind: 'unreachable', message: 'm' }, /url/],
      [{ kind: 'rate-limited', message: 'm', status: 429 }, /minute/],
      [{ kind: 'cut', message: 'm' }, /further model/],
      [{ kind: 'empty', message: 'm' }, /another model/],
    ]
    for (const [fault, hint] of faults) {
      it(`that fail as ${fault.kind} ${fault.status ?? ''} are told with what to do`, async () => {
        const handlers = handlersOf(async () => ({ ok: false, ms: 3, fault }))
        const told = checked('testModel', await handlers.testModel({ model: 'lab/large' }, signal))
        assert.equal(told.cause, 'm')
        assert.match(told.hint ?? '', hint)
      })
    }

    it('that the budget or a breaker keeps from being called are told so', async () => {
      const handlers = handlersOf(async () => {
        throw new KithError('breaker-open', 'it fails', { nextProbeAt: 1 }, { hint: 'reset it' })
      })
      const told = checked('testModel', await handlers.testModel({ model: 'lab/large' }, signal))
      assert.deepEqual([told.ok, told.cause, told.hint], [false, 'it fails', 'reset it'])
    })

    it('that fail in a way that nobody foresaw are an error', async () => {
      const handlers = handlersOf(async () => {
        throw new TypeError('boom')
      })
      await assert.rejects(handlers.testModel({ model: 'lab/large' }, signal), TypeError)
    })
  })
})
