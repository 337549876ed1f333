import assert from 'node:assert/strict'
import { Runs } from '../../../src/node/scheduler/runs.ts'
import type { RunQuery } from '../../../src/node/scheduler/runs.ts'
import type { Run } from '../../../src/node/scheduler/run.ts'
import { uuidV7 } from '../../../src/protocol/uuid.ts'
import { Database } from '../../../src/store/database.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const soft = { durable: false }

function endedRun(nth: number, change: Partial<Run> = {}): Run {
  const at = NOW + nth * 1_000
  return {
    run: uuidV7(at, new Uint8Array(10)),
    job: 'digest',
    cause: 'schedule',
    by: 'self',
    dueAt: at,
    readyAt: at,
    state: 'succeeded',
    attempts: 1,
    retries: 0,
    finalAt: at,
    ...change,
  }
}

const broke: Partial<Run> = { state: 'failed', failure: { code: 'internal', why: 'it broke' } }

describe('runs', () => {
  const folder = tempFolder()
  let database: Database
  let runs: Runs

  beforeEach(async () => {
    database = await Database.open(folder())
    runs = new Runs(database)
  })
  afterEach(() => database.close())

  async function put(...all: Run[]): Promise<void> {
    await database.write(
      all.flatMap((run) => runs.put(run)),
      soft,
    )
  }

  async function dueTimes(query: RunQuery): Promise<number[]> {
    const { runs: found } = await runs.list(query, 100)
    return found.map(({ dueAt }) => (dueAt - NOW) / 1_000)
  }

  it('find one failure behind 10,000 successes, in a page of one', async function () {
    this.timeout(60_000)
    await put(endedRun(0, broke))
    for (let from = 1; from <= 10_000; from += 1_000) {
      await put(...Array.from({ length: 1_000 }, (_, nth) => endedRun(from + nth)))
    }
    const { cursor, runs: found } = await runs.list({ failed: true }, 1)
    assert.deepEqual([found[0]?.dueAt, cursor], [NOW, undefined])
    const index = await database.sublevel('runs-failed').keys().all()
    assert.equal(index.length, 1, 'no success has to be read')
    assert.equal(await runs.prune(NOW + 20_000_000), 0)
  })

  const mixed = [
    endedRun(1),
    endedRun(2, { job: 'backup' }),
    endedRun(3, broke),
    endedRun(4, { cause: 'peer', by: 'bob' }),
    endedRun(5, { ...broke, job: 'backup', state: 'timed-out' }),
    endedRun(6, { state: 'cancelled' }),
    endedRun(7, { ...broke, job: 'backup-2', state: 'interrupted' }),
  ]
  const queries: [RunQuery, number[]][] = [
    [{}, [7, 6, 5, 4, 3, 2, 1]],
    [{ failed: true }, [7, 5, 3]],
    [{ job: 'backup' }, [5, 2]],
    [{ job: 'backup', failed: true }, [5]],
    [{ cause: 'peer' }, [4]],
    [{ by: 'bob' }, [4]],
    [{ since: NOW + 3_000, until: NOW + 5_000 }, [5, 4, 3]],
    [{ since: NOW + 3_000, until: NOW + 5_000, job: 'digest' }, [4, 3]],
    [{ until: NOW + 4_000, failed: true }, [3]],
    [{ job: 'nothing' }, []],
  ]
  for (const [query, found] of queries) {
    it(`are ${found.join(', ') || 'none'} by ${JSON.stringify(query)}`, async () => {
      await put(...mixed)
      assert.deepEqual(await dueTimes(query), found)
    })
  }

  for (const query of [{}, { failed: true }, { job: 'digest' }, { until: NOW + 90_000_000 }]) {
    it(`come in pages without a gap by ${JSON.stringify(query)}, also when there are new ones`, async () => {
      await put(...mixed)
      const whole = await dueTimes(query)
      const paged: number[] = []
      let cursor: string | undefined
      do {
        const page = await runs.list({ ...query, ...(cursor === undefined ? {} : { cursor }) }, 2)
        paged.push(...page.runs.map(({ dueAt }) => (dueAt - NOW) / 1_000))
        cursor = page.cursor
        await put(endedRun(100 + paged.length, broke))
      } while (cursor !== undefined)
      assert.deepEqual(paged, whole)
    })
  }

  it('lose what is over a cap from every list, and nothing that has not ended', async () => {
    const waiting = endedRun(0, { state: 'queued', attempts: 0 })
    delete waiting.finalAt
    await put(waiting, ...mixed)
    const caps = { succeeded: { count: 1, ageMs: 1e9 }, failed: { count: 1, ageMs: 1e9 } }
    assert.equal(await runs.prune(NOW + 10_000, caps), 5)
    assert.deepEqual(await dueTimes({}), [7, 6, 0])
    assert.deepEqual(await dueTimes({ failed: true }), [7])
    assert.deepEqual(await dueTimes({ job: 'backup' }), [])
    assert.deepEqual(await runs.unfinished(), [waiting])
  })

  it('are no longer unfinished once they have ended', async () => {
    const waiting = endedRun(1, { state: 'running' })
    delete waiting.finalAt
    await put(waiting)
    assert.equal((await runs.unfinished()).length, 1)
    await put(endedRun(1))
    assert.deepEqual(await runs.unfinished(), [])
  })
})
