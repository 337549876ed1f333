import assert from 'node:assert/strict'
import { attempt, fuzz } from './fuzz.ts'
import { Random, mutate } from './random.ts'
import { TARGETS } from './targets.ts'
import type { Target } from './targets.ts'

const INPUTS = 2_000

describe('fuzzing', () => {
  for (const target of TARGETS) {
    it(`breaks ${target.name} by nothing that it takes, and by nothing else`, async () => {
      for (const bytes of target.corpus) await target.check(bytes, new Random(1))
      const goesOn = (inputs: number): boolean => inputs < INPUTS
      assert.equal(await fuzz({ targets: [target], seed: 1, goesOn }), undefined)
    })
  }

  it('finds what is broken, and says how to see it again', async () => {
    const broken: Target = {
      name: 'broken',
      corpus: [Uint8Array.of(1, 2, 3)],
      check: (bytes) => {
        assert.ok(!bytes.includes(0xff), 'it cannot stand this')
      },
    }
    const finding = await fuzz({ targets: [broken], seed: 5, goesOn: () => true })
    assert.ok(finding !== undefined && finding.bytes.includes('ff'))
    assert.equal(
      finding.replay,
      `node test/fuzz/decoders.ts --target broken --replay ${finding.bytes}`,
    )
    const bytes = Buffer.from(finding.bytes, 'hex')
    assert.notEqual(await attempt(broken, bytes, new Random(0)), undefined)
  })

  it('does the same for the same seed, and another thing for another', () => {
    const made = (seed: number): string => {
      const random = new Random(seed)
      const all = Array.from({ length: 20 }, () => mutate(random, Buffer.alloc(8), Buffer.alloc(4)))
      return Buffer.concat(all).toString('hex')
    }
    assert.equal(made(3), made(3))
    assert.notEqual(made(3), made(4))
  })
})
