import assert from 'node:assert/strict'
import { isFailure } from '../../../src/protocol/errors.ts'
import { isOf, reviewed } from '../../../src/node/scheduler/artifact.ts'
import { ArtifactStore } from '../../../src/node/scheduler/artifact-store.ts'
import { Database } from '../../../src/store/database.ts'
import { jobOf } from '../../helpers/job-home.ts'
import { MADE, artifactIn, doneRun } from '../../helpers/results.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const DAY_MS = 86_400_000
const CAPS = {
  unreviewed: { count: 2, ageMs: DAY_MS, bytes: 1_000_000 },
  reviewed: { count: 1, ageMs: DAY_MS, bytes: 1_000_000 },
}

describe('artifact store', () => {
  const folder = tempFolder()
  let database: Database
  let store: ArtifactStore

  beforeEach(async () => {
    database = await Database.open(folder())
    store = new ArtifactStore(database)
  })
  afterEach(() => database.close())

  async function add(job: string, at: number, review?: 'accepted'): Promise<string> {
    const artifact = artifactIn(jobOf(job), doneRun(job, at))
    const looked =
      review === undefined ? artifact : reviewed(artifact, { verdict: review }, 'self', at)
    await database.write(store.add(looked, MADE), { durable: false })
    return artifact.run
  }

  it('keeps an artifact with the texts that its hashes are of', async () => {
    const run = await add('digest', 1_000)
    const [artifact, made] = [await store.get(run), await store.made(run)]
    assert.ok(artifact !== undefined && made !== undefined)
    const { content, context, prompt } = MADE
    assert.deepEqual(made, { content, context, prompt })
    assert.equal(isOf(artifact, made), true)
    assert.equal(artifact.job, 'digest')
  })

  it('knows nothing of a run that has made nothing', async () => {
    assert.equal(await store.get('none'), undefined)
    assert.equal(await store.made('none'), undefined)
    await assert.rejects(store.find('none'), (err: unknown) => isFailure(err, 'unknown-artifact'))
  })

  it('lists the newest first, of one job or as they were looked at, page by page', async () => {
    const runs = [
      await add('digest', 1_000),
      await add('other', 2_000),
      await add('digest', 3_000, 'accepted'),
      await add('digest', 4_000),
    ]
    const list = async (query: Parameters<ArtifactStore['list']>[0], limit = 10) =>
      (await store.list(query, limit)).artifacts.map(({ run }) => runs.indexOf(run))
    assert.deepEqual(await list({}), [3, 2, 1, 0])
    assert.deepEqual(await list({ job: 'digest', review: 'unreviewed' }), [3, 0])
    assert.deepEqual(await list({ review: 'accepted' }), [2])
    const { artifacts, cursor } = await store.list({ job: 'digest' }, 2)
    assert.deepEqual([artifacts.length, cursor], [2, runs[2]])
    assert.ok(cursor !== undefined)
    assert.deepEqual(await list({ job: 'digest', cursor }), [0])
    assert.equal((await store.list({ job: 'digest', cursor }, 1)).cursor, undefined)
  })

  it('counts what nobody has looked at apart from the rest', async () => {
    await add('digest', 1_000)
    await add('digest', 2_000, 'accepted')
    const bytes = MADE.content.length + MADE.prompt.length + MADE.context.length
    assert.deepEqual(await store.totals(), {
      unreviewed: { count: 1, bytes },
      reviewed: { count: 1, bytes },
    })
  })

  it('drops what is over the caps with its texts, tells of what nobody saw, and keeps what is awaited', async () => {
    const awaited = await add('digest', 1_000)
    const unseen = await add('digest', 2_000)
    const seen = await add('digest', 3_000, 'accepted')
    const kept = [
      await add('digest', 4_000),
      await add('digest', 5_000),
      await add('digest', 6_000, 'accepted'),
    ]
    const dropped = await store.prune(DAY_MS, (run) => run === awaited, CAPS)
    assert.deepEqual(
      dropped.map(({ run }) => run),
      [unseen],
    )
    for (const run of [unseen, seen]) {
      assert.deepEqual([await store.get(run), await store.made(run)], [undefined, undefined])
    }
    for (const run of [awaited, ...kept]) assert.ok((await store.made(run)) !== undefined)
    assert.deepEqual(await store.prune(DAY_MS, (run) => run === awaited, CAPS), [])
  })
})
