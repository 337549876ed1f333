/*
 * Holds docs/from-alpi.md to what it says: whoever comes from there is led to commands and files that there are. That
 * each command has its flags is in `commands.spec.ts`.
 */
import assert from 'node:assert/strict'
import { code, page, section, table } from './markdown.ts'

const PAGE = page('docs/from-alpi.md')

describe('docs/from-alpi.md', () => {
  const rows = table(section(PAGE, '## Commands').replaceAll(String.raw`\|`, 'or'))

  for (const [theirs = '', ours = ''] of rows) {
    it(`F65: leads from ${theirs} to a command`, () => {
      assert.match(ours, /^`(?:kith (?:-p \w+ )?[a-z]|npm install)/)
    })
  }

  it('tells each command once', () => {
    const theirs = rows.map(([command]) => command)
    assert.deepEqual(theirs, [...new Set(theirs)])
    assert.ok(theirs.length > 45)
  })

  it('F65: leads to files that a home has', () => {
    const home = table(section(page('docs/configuration.md'), '## The home')).map(([path]) =>
      code(path),
    )
    for (const [, ours] of table(section(PAGE, '## Files'))) {
      const path = code(ours)
      assert.ok(['~/.kith/', 'env:', ...home].includes(path), path)
    }
  })
})
