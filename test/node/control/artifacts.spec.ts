import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { artifactHandlers } from '../../../src/node/control/handlers/artifacts.ts'
import { jobHandlers } from '../../../src/node/control/handlers/jobs.ts'
import { ARTIFACT_ROUTES } from '../../../src/node/control/routes/artifacts.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { sha256 } from '../../../src/protocol/sha256.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { eventually } from '../../helpers/eventually.ts'
import { readSources } from '../../helpers/imports.ts'
import { openNodes } from '../../helpers/open-node.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

type Handlers = ReturnType<typeof artifactHandlers>

const { signal } = new AbortController()

describe('control of artifacts', () => {
  const all = openNodes()
  const folder = tempFolder()
  let node: KithNode
  let handlers: Handlers
  let file: string

  beforeEach(async () => {
    node = await all().open()
    handlers = artifactHandlers(node)
    file = join(folder(), 'none', 'digest.txt')
    const same = { enabled: true, zone: 'UTC', schedule: { kind: 'manual' } }
    const target = { kind: 'command', argv: ['/bin/echo', 'hello'], cwd: '/' }
    const jobs = [
      { name: 'digest', ...same, target, deliver: [{ file, when: 'accepted' }] },
      { name: 'other', ...same, target, artifact: { sensitivity: 'public' } },
    ]
    await writeFile(node.home.jobs, JSON.stringify({ version: 1, jobs }), { mode: 0o600 })
    await node.start()
  })

  /** What a route gives, which must be what its schema says: the server does not look. */
  async function call<N extends keyof Handlers>(
    name: N,
    input: Parameters<Handlers[N]>[0],
  ): Promise<Awaited<ReturnType<Handlers[N]>>> {
    const handler = handlers[name] as (given: unknown, end: AbortSignal) => Promise<unknown>
    const given = ARTIFACT_ROUTES[name].input.parse(input)
    const output = await handler(given, signal)
    return ARTIFACT_ROUTES[name].output.parse(output) as Awaited<ReturnType<Handlers[N]>>
  }

  async function run(job: string): Promise<string> {
    const { run: id } = await node.jobs.ended((await node.jobs.scheduler.runNow(job)).run, signal)
    const report = await jobHandlers(node).showRun({ run: id }, signal)
    assert.equal(report.artifact, id)
    return id
  }

  it('lists and shows what jobs have made, with hashes of what it shows', async () => {
    const runs = [await run('digest'), await run('other')]
    const { artifacts } = await call('artifacts', { limit: 10 })
    assert.deepEqual(
      artifacts.map(({ artifact, job, sensitivity }) => [artifact, job, sensitivity]),
      [
        [runs[1], 'other', 'public'],
        [runs[0], 'digest', 'private'],
      ],
    )
    const [of] = (await call('artifacts', { limit: 10, job: 'digest', review: 'unreviewed' }))
      .artifacts
    assert.equal(of?.artifact, runs[0])
    const shown = await call('showArtifact', { artifact: runs[0] ?? '' })
    assert.deepEqual([shown.content, shown.intact], ['hello\n', true])
    for (const key of ['prompt', 'context', 'content'] as const) {
      const hash = Buffer.from(sha256(new TextEncoder().encode(shown[key]))).toString('hex')
      assert.equal(shown.hashes[key], hash)
    }
    assert.deepEqual(shown.deliveries, [{ to: `file ${file}`, state: 'held', attempts: 0 }])
    const refusal = (err: unknown): boolean => isFailure(err, 'unknown-artifact')
    await assert.rejects(call('showArtifact', { artifact: askId(1) }), refusal)
  })

  it('stores what a person says, under the name of the owner', async () => {
    const artifact = await run('digest')
    const reason = 'it is wrong'
    const rejected = await call('reviewArtifact', { artifact, verdict: 'rejected', reason })
    assert.deepEqual(
      [rejected.review, rejected.reviewedBy, rejected.reason],
      ['rejected', 'self', reason],
    )
    const { deliveries } = await call('showArtifact', { artifact })
    assert.equal(deliveries[0]?.state, 'withdrawn')
    const accepted = await call('reviewArtifact', { artifact, verdict: 'accepted' })
    assert.deepEqual([accepted.review, accepted.reason], ['accepted', undefined])
  })

  it('takes no rejection without a reason', () => {
    const { input } = ARTIFACT_ROUTES.reviewArtifact
    const artifact = askId(1)
    for (const reason of [undefined, '', '  ']) {
      assert.equal(input.safeParse({ artifact, verdict: 'rejected', reason }).success, false)
    }
    assert.equal(input.safeParse({ artifact, verdict: 'unreviewed' }).success, false)
  })

  it('tries again what has not arrived, and says of what run there is nothing to try', async () => {
    const id = await run('digest')
    await call('reviewArtifact', { artifact: id, verdict: 'accepted' })
    await eventually(async () => {
      const report = await jobHandlers(node).showRun({ run: id }, signal)
      assert.match(report.deliveries?.[0]?.failure?.why ?? '', /there is no folder/)
      assert.equal(report.deliveries?.[0]?.attempts, 1)
    })
    assert.deepEqual(await call('deliverAgain', { run: id }), [], 'it is not dead')
    await assert.rejects(call('deliverAgain', { run: askId(1) }), (err: unknown) =>
      isFailure(err, 'unknown-run'),
    )
  })

  it('is the one way to a review: no tool of an agent, no verb of a peer and no job leads there', () => {
    const reviews = [...readSources('src')].filter(([, text]) => text.includes('results.review('))
    assert.deepEqual(
      reviews.map(([path]) => path),
      ['src/node/control/handlers/artifacts.ts'],
    )
  })
})
