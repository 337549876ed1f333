import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { CHECKS } from '../../src/node/checks.ts'
import { OFFLINE_CHECKS, OFFLINE_STORE_CHECKS } from '../../src/node/offline-doctor.ts'

describe('docs/doctor.md', () => {
  const page = readFileSync('docs/doctor.md', 'utf8')
  const [, section = ''] = page.split('## Checks\n')
  const rows = Array.from(
    (section.split('\n## ')[0] ?? '').matchAll(/^\| `([a-z-]+)` \| (.*) \| (.*) \| (✓?) ?\|$/gm),
    ([, check, what, remedy, offline]) => ({ check, what, remedy, offline: offline === '✓' }),
  )

  it('has a row for each check, in their order, with what it looks at and its remedy', () => {
    assert.deepEqual(
      rows.map(({ check }) => check),
      CHECKS.map(({ name }) => name),
    )
    for (const { remedy, what } of rows) assert.ok(what !== '' && remedy !== '')
  })

  it('marks those that are made of files too', () => {
    const offline = new Set<string>([
      ...OFFLINE_CHECKS.map(({ name }) => name),
      ...OFFLINE_STORE_CHECKS,
    ])
    assert.deepEqual(
      rows.filter((row) => row.offline).map(({ check }) => check),
      CHECKS.map(({ name }) => name).filter((name) => offline.has(name)),
    )
  })
})
