import assert from 'node:assert/strict'
import { artifactSchema, hashesOf, isOf, reviewed } from '../../../src/node/scheduler/artifact.ts'
import type { Artifact, MadeOf } from '../../../src/node/scheduler/artifact.ts'
import { decode, encode } from '../../../src/protocol/cbor.ts'

const made: MadeOf = { prompt: 'what is new', context: 'two letters', content: 'Zwei Briefe.' }

const artifact: Artifact = {
  run: 'the-run',
  job: 'digest',
  trace: 'the-run',
  madeAt: 1_000,
  sources: [{ ref: 'inbox/1.txt', digest: new Uint8Array(32) }],
  engine: 'model',
  model: 'local/qwen3',
  ...hashesOf(made),
  sensitivity: 'private',
  egress: 'local-model',
  review: 'unreviewed',
}

describe('artifact', () => {
  it('is the same once it was stored', () => {
    assert.deepEqual(artifactSchema.parse(decode(encode(artifact))), artifact)
  })

  it('is of what is stored beside it, and of nothing else', () => {
    assert.equal(isOf(artifact, made), true)
    for (const key of ['prompt', 'context', 'content'] as const) {
      assert.equal(isOf(artifact, { ...made, [key]: 'another' }), false, key)
    }
    assert.equal(artifact.sizeBytes, 12)
    assert.equal(artifact.inputBytes, 22)
  })

  it('has a person and a time with each review, and neither without', () => {
    const accepted = reviewed(artifact, { verdict: 'accepted' }, 'self', 2_000)
    assert.ok(artifactSchema.safeParse(accepted).success)
    const wrong: unknown[] = [
      { ...artifact, review: 'accepted' },
      { ...artifact, reviewedBy: 'self', reviewedAt: 2_000 },
      { ...accepted, review: 'unreviewed' },
      { ...accepted, review: 'rejected' },
      { ...accepted, reason: 'it is wrong' },
    ]
    for (const one of wrong) assert.equal(artifactSchema.safeParse(one).success, false)
  })

  it('is rejected for a reason, which goes when it is accepted after all', () => {
    const review = { verdict: 'rejected', reason: 'it is wrong' } as const
    const rejected = reviewed(artifact, review, 'self', 2_000)
    assert.deepEqual(artifactSchema.parse(rejected), {
      ...artifact,
      ...{ review: 'rejected', reviewedBy: 'self', reviewedAt: 2_000, reason: 'it is wrong' },
    })
    assert.equal(reviewed(rejected, { verdict: 'accepted' }, 'self', 3_000).reason, undefined)
  })

  const faults: [what: string, change: Record<string, unknown>][] = [
    ['no hash', { prompt: new Uint8Array(31) }],
    ['no sensitivity', { sensitivity: undefined }],
    ['a key that there is not', { secret: true }],
  ]
  for (const [what, change] of faults) {
    it(`is refused with ${what}`, () => {
      assert.equal(artifactSchema.safeParse({ ...artifact, ...change }).success, false)
    })
  }
})
