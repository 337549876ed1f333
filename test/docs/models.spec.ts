import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { ROOT } from '../helpers/imports.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { code, page, section, table } from './markdown.ts'

const README = page('docs/models/README.md')
const SEARCH = '-w -DSAFETY -DNOREDUCE -DMEMLIM=2000 -o pan pan.c'
const run = promisify(execFile)

describe('docs/models', function () {
  this.timeout(300_000)
  const folder = tempFolder()

  before(function () {
    const missing = ['spin', 'cc'].filter((name) => spawnSync(name, ['-V']).error !== undefined)
    if (missing.length === 0) return
    process.stderr.write(`\n  docs/models: NOT CHECKED, no ${missing.join(', no ')} here\n\n`)
    this.skip()
  })

  /**
   * What the checker says of a model, optimised no more than pays off here. One with a fault has few states before the
   * first that breaks a property, and what it shares with the model was looked at there for indices out of bounds.
   */
  async function check(model: string, fault?: string): Promise<string> {
    const switches = fault === undefined ? [] : [`-D${fault}`]
    const how = fault === undefined ? ['-Og'] : ['-O0', '-DNOBOUNDCHECK']
    const cwd = folder()
    await run('spin', ['-a', ...switches, `${ROOT}/docs/models/${model}`], { cwd })
    await run('cc', [...how, ...SEARCH.split(' ')], { cwd })
    const { stdout } = await run('./pan', fault === undefined ? [] : ['-w18'], { cwd })
    return stdout
  }

  it('are run here as README.md says', () => {
    assert.ok(README.includes(`\ncc -O2 ${SEARCH}\n./pan\n`))
  })

  for (const model of ['pairing.pml', 'rotation.pml']) {
    const text = page(`docs/models/${model}`)
    const properties = table(section(README, `## ${model}`)).map(([name]) => code(name))
    const faults = table(section(README, `### Faults of ${model}`)).map(([fault, property]) => ({
      fault: code(fault),
      property: code(property),
    }))

    it(`${model} holds in each of its states`, async () => {
      const said = await check(model)
      assert.match(said, / errors: 0\n/, said)
      assert.doesNotMatch(said, /Search not completed|too small|out of memory/)
      const states = Number(/(\d+) states, stored/.exec(said)?.[1])
      assert.ok(README.includes(` ${states.toLocaleString('en')} |`), `README has not ${states}`)
      // Each step of the model can be taken; what cannot is an assertion, or the end of a process that has none.
      const unreached = said.match(/state \d+, ".*"/g) ?? []
      const steps = unreached.filter((line) => !/"(assert\(\w+\)|-end-)"$/.test(line))
      assert.deepEqual(steps, [])
    })

    it(`${model} has the properties and faults that README.md names, and a fault for each property`, () => {
      const asserted = [...text.matchAll(/assert\((\w+)\)/g)].map(([, name]) => name)
      assert.deepEqual(asserted, properties)
      const planted = new Set(text.match(/\bBUG_\w+/g))
      assert.deepEqual(faults.map(({ fault }) => fault).sort(), [...planted].sort())
      assert.deepEqual(new Set(faults.map(({ property }) => property)), new Set(properties))
    })

    for (const { fault, property } of faults) {
      it(`${model} with ${fault} breaks ${property}`, async () => {
        const said = await check(model, fault)
        assert.match(said, / errors: 1\n/)
        assert.ok(said.includes(`assertion violated ${property} `), said)
      })
    }
  }
})
