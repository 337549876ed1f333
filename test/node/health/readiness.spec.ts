import assert from 'node:assert/strict'
import { pino } from 'pino'
import { notReadyBecause } from '../../../src/node/health/readiness.ts'
import { Parts } from '../../../src/node/parts.ts'
import type { Part } from '../../../src/node/parts.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

describe('readiness', () => {
  const components = { clock: new ManualClock(0), random: () => 0, log: pino({ level: 'silent' }) }
  const health = { overall: () => 'healthy' as const }

  /** The parts that a node needs, the one called `mesh` as given, and one that it can do without. */
  function partsWith(
    mesh: Omit<Part, 'name'>,
    jobs: Omit<Part, 'name'> = { start: () => undefined },
  ) {
    const quiet = { start: () => undefined }
    return new Parts(components, [
      { name: 'pins', ...quiet },
      { name: 'mesh', ...mesh },
      { name: 'asks', ...quiet },
      { name: 'scheduler', ...jobs },
    ])
  }

  it('is there while all that is needed runs, and not before, nor from the beginning of a stop on', async () => {
    const words: Record<string, string | undefined> = {}
    const note = (when: string): void => {
      words[when] = notReadyBecause({ health, parts })
    }
    const parts = partsWith({
      start: () => {
        note('in its start')
      },
      drain: () => {
        note('while it ends its work')
      },
      stop: () => {
        note('in its stop')
      },
    })
    note('before')
    await parts.start()
    note('running')
    await parts.stop(0)
    note('after')
    assert.deepEqual(words, {
      before: 'starting',
      'in its start': 'starting',
      running: undefined,
      'while it ends its work': 'stopping',
      'in its stop': 'stopping',
      after: 'stopping',
    })
  })

  it('is not there while something that is needed has failed, and is without what is not', async () => {
    const broken = {
      start: () => {
        throw new Error('no')
      },
    }
    const parts = partsWith(broken)
    await parts.start()
    assert.equal(notReadyBecause({ health, parts }), 'failed')
    await parts.stop(0)
    const others = partsWith({ start: () => undefined }, broken)
    await others.start()
    assert.equal(notReadyBecause({ health, parts: others }), undefined)
    assert.equal(
      notReadyBecause({ health: { overall: () => 'unhealthy' }, parts: others }),
      'unhealthy',
    )
    await others.stop(0)
  })
})
