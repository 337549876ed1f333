/*
 * Runs the tour in README.md as a reader would: every `sh` block in the terminals that it names, one command after the
 * other, and compares what comes out with the `text` block below it.
 */
import assert from 'node:assert/strict'
import { freePort } from '../helpers/free-port.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { page, section } from './markdown.ts'
import { stepsOf, takeTour, THIS_KITH } from './tour.ts'
import type { Other } from './tour.ts'

const OTHER_EACH_TIME: readonly Other[] = [
  ['This node is made', [/^id {2,}(.*)$/m, /^words {2,}(.*)$/m, /^peer id {2,}(.*)$/m]],
  ['kith://i/1/', [/^(kith:\S+)$/m]],
  ['alice and this node have pinned', [/^words: (.*)$/m]],
]

const TOUR = section(page('README.md'), '## Five minutes, two nodes')
const STEPS = stepsOf(TOUR)

describe('README.md', function () {
  this.timeout(120_000)
  const folder = tempFolder()

  it('has a tour that works as it stands', async () => {
    const translate = new Map([
      THIS_KITH,
      ['/tmp/kith-tour', folder()],
      ['tcp/7501', `tcp/${await freePort()}`],
      ['tcp/7502', `tcp/${await freePort()}`],
    ])
    await takeTour(STEPS, folder(), translate, OTHER_EACH_TIME)
  })

  it('has a tour of which each block has a terminal', () => {
    const names = STEPS.flatMap(({ terminals }) => terminals)
    assert.deepEqual([...new Set(names)].sort(), ['alice', 'bob'])
    assert.equal(STEPS.length, TOUR.match(/^```sh/gm)?.length)
    assert.ok(STEPS.every(({ terminals }) => terminals.length > 0))
  })
})
