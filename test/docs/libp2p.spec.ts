import assert from 'node:assert/strict'
import { page, tables } from './markdown.ts'

describe('docs/libp2p.md', () => {
  const rows = tables(page('docs/libp2p.md')).flat()
  const cells = rows.map((row) => row.at(-1) ?? '').filter((cell) => cell !== '–')

  it('has a table of four columns for each subject', () => {
    assert.deepEqual(
      rows.filter((row) => row.length !== 4),
      [],
    )
  })

  it('names options that we set', () => {
    const code = page('src/node/transport.ts') + page('src/node/mesh.ts')
    const options = rows.flatMap((row) => [...row.join().matchAll(/`(\w+): \d/g)])
    assert.deepEqual(
      options.map(([, option = '']) => option).filter((option) => !code.includes(`${option}:`)),
      [],
    )
    assert.ok(options.length > 5)
  })

  for (const [, name = '', path = '', title = ''] of cells.map(
    (cell) => /^\[(.*)\]\(\.\.\/(.*)\): “(.*)”$/.exec(cell) ?? [cell, cell],
  )) {
    it(`names a test of ${name} that is there: ${title}`, () => {
      assert.ok(page(path).includes(title))
    })
  }
})
