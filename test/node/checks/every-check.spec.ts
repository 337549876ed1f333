import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKS } from '../../../src/node/checks.ts'

/** The titles of all tests beside this one and in the tests of whole nodes. */
function titles(): string {
  const folders = [import.meta.dirname, join(import.meta.dirname, '..', '..', 'e2e')]
  return folders
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.spec.ts'))
        .map((name) => readFileSync(join(folder, name), 'utf8')),
    )
    .join('\n')
}

describe('every check', () => {
  it('F58: has a name of its own', () => {
    const names = CHECKS.map(({ name }) => name)
    assert.deepEqual([...new Set(names)], names)
  })

  for (const { name } of CHECKS) {
    it(`${name} has a test in which a real fault makes it fail and its remedy clears it`, () => {
      const title = new RegExp(`it\\(\\s*'F58[^']*: (the check )?${name} `)
      assert.ok(title.test(titles()), `no test is titled 'F58: ${name} …'`)
    })
  }
})
