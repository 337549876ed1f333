import assert from 'node:assert/strict'
import { admit } from '../../../src/node/scheduler/overlap.ts'
import type { Admission } from '../../../src/node/scheduler/overlap.ts'
import type { Job } from '../../../src/node/scheduler/job.ts'

const rules: Record<Job['overlap'], [open0: Admission, open1: Admission, open2: Admission]> = {
  skip: ['take', 'skip', 'skip'],
  queue: ['take', 'take', 'skip'],
  replace: ['take', 'replace', 'replace'],
}

describe('overlap', () => {
  for (const [overlap, admissions] of Object.entries(rules)) {
    for (const [open, admission] of admissions.entries()) {
      it(`${overlap} makes it ${admission} with ${open} runs that have not ended`, () => {
        const due = { dueAt: 0, cause: 'schedule' } as const
        assert.equal(admit(overlap as Job['overlap'], 'once', due, open), admission)
      })
    }
    it(`${overlap} never puts what is made up for in the way of a run`, () => {
      const due = { dueAt: 0, cause: 'catch-up' } as const
      assert.equal(admit(overlap as Job['overlap'], 'all', due, 0), 'take')
      assert.equal(admit(overlap as Job['overlap'], 'all', due, 1), 'wait')
      assert.equal(admit(overlap as Job['overlap'], 'once', due, 1), 'skip')
    })
  }
})
