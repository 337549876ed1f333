import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure, type FailureCode } from '../../src/protocol/errors.ts'
import { editJobs, jobsFile, readJobs } from '../../src/node/scheduler/jobs-file.ts'
import type { JobsEdit } from '../../src/node/scheduler/jobs-file.ts'
import { jobText } from '../../src/store/jobs-edit.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const file = `# what this node does
version: 1

jobs:
  # in the morning
  - name: digest # d
    enabled: true
    zone: Europe/Madrid
    # early
    schedule: {kind: daily, at: '07:30'}
    target:
      kind: ask # mine
      peer: self
      text: what is new

  # by hand
  - name: sweep
    zone: UTC
    schedule: {kind: manual}
    target: {kind: command, argv: [/bin/df, -h]} # disks
# the end
`

const other = `version: 1
jobs:
  # weekly
  - name: tidy # t
    zone: UTC
    schedule: {kind: manual}
    target: {kind: command, argv: ["true"]}
`

const added = {
  name: 'tidy',
  zone: 'UTC',
  schedule: { kind: 'interval', every_seconds: 60 },
  target: { kind: 'command', argv: ['ls', '-l'] },
}

describe('jobs.yaml, edited', () => {
  const folder = tempFolder()
  const path = (): string => join(folder(), 'jobs.yaml')

  beforeEach(async () => {
    await writeFile(path(), file, { mode: 0o600 })
  })

  /** What `edit` makes of `file`, line by line: `-` for what went, `+` for what came. */
  async function changed(edit: JobsEdit): Promise<string[]> {
    await editJobs(path(), edit)
    const [before, after] = [file.split('\n'), (await readFile(path(), 'utf8')).split('\n')]
    return [
      ...before.filter((line) => !after.includes(line)).map((line) => `-${line}`),
      ...after.filter((line) => !before.includes(line)).map((line) => `+${line}`),
    ]
  }

  const edits: { edit: JobsEdit; lines: string[] }[] = [
    {
      edit: { op: 'add', job: added },
      lines: [
        '+  - name: tidy',
        '+    schedule:',
        '+      kind: interval',
        '+      every_seconds: 60',
        '+      kind: command',
        '+      argv: [ls, -l]',
      ],
    },
    {
      edit: { op: 'change', name: 'digest', changes: { enabled: false, zone: 'Asia/Tokyo' } },
      lines: [
        '-    enabled: true',
        '-    zone: Europe/Madrid',
        '+    enabled: false',
        '+    zone: Asia/Tokyo',
      ],
    },
    {
      edit: { op: 'change', name: 'digest', changes: { enabled: null } },
      lines: ['-    enabled: true'],
    },
    {
      edit: { op: 'change', name: 'digest', changes: { target: { text: 'what is old' } } },
      lines: ['-      text: what is new', '+      text: what is old'],
    },
    {
      edit: { op: 'change', name: 'sweep', changes: { name: 'broom', run_by: ['nas'] } },
      lines: ['-  - name: sweep', '+  - name: broom', '+    run_by: [nas]'],
    },
    {
      edit: { op: 'remove', name: 'sweep' },
      lines: [
        '-  # by hand',
        '-  - name: sweep',
        '-    zone: UTC',
        '-    schedule: {kind: manual}',
        '-    target: {kind: command, argv: [/bin/df, -h]} # disks',
      ],
    },
    {
      edit: { op: 'import', text: other, replace: false },
      lines: ['+  # weekly', '+  - name: tidy # t', '+    target: {kind: command, argv: ["true"]}'],
    },
    {
      edit: { op: 'put', name: 'sweep', text: other.replace('tidy', 'sweep') },
      lines: [
        '-  # by hand',
        '-  - name: sweep',
        '-    target: {kind: command, argv: [/bin/df, -h]} # disks',
        '+  # weekly',
        '+  - name: sweep # t',
        '+    target: {kind: command, argv: ["true"]}',
      ],
    },
  ]
  for (const { edit, lines } of edits) {
    it(`changes these lines alone: ${JSON.stringify(edit)}`, async () => {
      assert.deepEqual(await changed(edit), lines)
    })
  }

  it('has an entry of another kind whole, with nothing of the one before', async () => {
    const target = { kind: 'command', argv: ['true'] }
    const [digest] = await editJobs(path(), { op: 'change', name: 'digest', changes: { target } })
    assert.deepEqual(digest?.target, target)
  })

  it('keeps the head of the file when its jobs are replaced by others', async () => {
    const jobs = await editJobs(path(), { op: 'import', text: other, replace: true })
    assert.deepEqual(
      jobs.map(({ name }) => name),
      ['tidy'],
    )
    const text = await readFile(path(), 'utf8')
    assert.ok(text.startsWith('# what this node does\nversion: 1\n'))
    assert.ok(text.includes('# weekly\n'))
    assert.ok(!text.includes('digest'))
  })

  it('loses no comment of the first job that goes, but its own', async () => {
    await editJobs(path(), { op: 'remove', name: 'digest' })
    const text = await readFile(path(), 'utf8')
    assert.ok(!text.includes('in the morning') && text.includes('# by hand'))
  })

  it('is made, closed to others, by the first job that is added', async () => {
    const anew = join(folder(), 'new.yaml')
    await editJobs(anew, { op: 'add', job: added })
    assert.deepEqual(
      (await readJobs(anew)).map(({ name }) => name),
      ['tidy'],
    )
  })

  it('shows one job with its comments, and nothing of the others', async () => {
    const document = await jobsFile(path()).document()
    const text = jobText(document, 'digest')
    assert.ok(text.startsWith('name: digest # d\n'))
    assert.ok(text.includes('# early') && !text.includes('sweep') && !text.includes('the end'))
    assert.throws(
      () => jobText(document, 'none'),
      (err) => isFailure(err, 'unknown-job'),
    )
  })

  const refusals: { edit: JobsEdit; code: FailureCode; what?: RegExp }[] = [
    { edit: { op: 'remove', name: 'none' }, code: 'unknown-job' },
    { edit: { op: 'change', name: 'none', changes: {} }, code: 'unknown-job' },
    { edit: { op: 'add', job: { ...added, name: 'sweep' } }, code: 'exists' },
    { edit: { op: 'change', name: 'sweep', changes: { name: 'digest' } }, code: 'exists' },
    {
      edit: { op: 'add', job: { ...added, zone: 'Nowhere' } },
      code: 'usage',
      what: /cannot have this: jobs\[2\]\.zone/,
    },
    { edit: { op: 'change', name: 'sweep', changes: { schedule: null } }, code: 'usage' },
    {
      edit: { op: 'import', text: other.replace('tidy', 'sweep'), replace: false },
      code: 'exists',
    },
    {
      edit: { op: 'import', text: 'version: 1\njobs:\n  - nam: x\n', replace: true, from: 'mine' },
      code: 'invalid-file',
      what: /^mine:3:5: /,
    },
    { edit: { op: 'put', name: 'sweep', text: other }, code: 'usage' },
    { edit: { op: 'put', name: 'none', text: other }, code: 'unknown-job' },
  ]
  for (const { code, edit, what = /./ } of refusals) {
    it(`fails with ${code} and leaves the file alone: ${JSON.stringify(edit)}`, async () => {
      await assert.rejects(
        editJobs(path(), edit),
        (err: unknown) => isFailure(err, code) && what.test(err.message),
      )
      assert.equal(await readFile(path(), 'utf8'), file)
    })
  }
})
