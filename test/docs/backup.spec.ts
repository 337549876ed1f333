import assert from 'node:assert/strict'
import { parse } from 'yaml'
import { configSchema } from '../../src/node/config.ts'
import { jobsSchema } from '../../src/node/scheduler/job.ts'
import { isBackedUp } from '../../src/store/backup/home-files.ts'
import { code, page, section, table } from './markdown.ts'

describe('docs/backup.md', () => {
  const text = page('docs/backup.md')
  const blocks = [...text.matchAll(/^( *)```yaml\n([^]*?)^ *```$/gm)].map(
    ([, indent = '', block = '']): unknown =>
      parse(block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')),
  )

  it('has settings and jobs as a node takes them', () => {
    const [config, jobs] = blocks
    const { backup } = configSchema.parse(config)
    assert.deepEqual([backup.to, backup.recipients], ['/mnt/backups', ['age1…']])
    const kinds = jobsSchema.parse({ version: 1, jobs }).map(({ target }) => target.kind)
    assert.deepEqual(kinds, ['backup', 'command'])
    assert.equal(blocks.length, 2)
  })

  it('says of everything in a home whether it is in a backup', () => {
    const rows = table(section(text, '## What is in it'))
    const names = (cells: string[]): string[] =>
      cells.flatMap((cell) => [...cell.matchAll(/`([\w./-]+)`/g)].map(([, name = '']) => name))
    const inside = names(rows.map(([cell = '']) => cell))
    const outside = names(rows.map(([, cell = '']) => cell))
    const home = table(section(page('docs/configuration.md'), '## The home'))
      .map(([cell]) => code(cell))
      .filter((name) => name !== '' && name !== 'keys/kept/')
    assert.deepEqual(
      home.filter((name) => !inside.includes(name) && !outside.includes(name)),
      [],
    )
    for (const name of inside.filter((each) => each !== 'store/' && !each.includes('create'))) {
      assert.ok(isBackedUp(name.endsWith('/') ? `${name}x` : name), name)
    }
    for (const name of ['logs/x', 'control.sock', 'profiles/x']) assert.ok(!isBackedUp(name), name)
  })
})
