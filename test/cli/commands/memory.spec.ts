import assert from 'node:assert/strict'
import type { NoteReport } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const notes: NoteReport[] = [
  { at: '2026-11-21T08:01Z', source: 'bob', text: 'the disk\u001B[2J is sdb' },
  { at: '2026-11-21T08:00Z', source: 'self', text: 'backups at noon' },
  { source: 'self', text: 'by hand' },
]

describe('kith memory', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      memory: () => notes,
      addNote: () => ({}),
      forgetNotes: ({ source }) => ({ forgotten: source === 'bob' ? 2 : 0 }),
    }
  })

  it('shows each note with its source', async () => {
    assert.equal(await cli.kith('memory', 'show'), 0)
    assert.equal(
      cli.stdout.text,
      [
        '2026-11-21T08:01Z  [from bob] the disk is sdb',
        '2026-11-21T08:00Z  [from self] backups at noon',
        '-                  [from self] by hand',
        '',
      ].join('\n'),
    )
  })

  it('shows those of one source, also as JSON', async () => {
    assert.equal(await cli.kith('memory', 'show', '--source', 'bob', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [notes.slice(0, 1)])
  })

  it('says when there is none', async () => {
    assert.equal(await cli.kith('memory', 'show', '--source', 'carol'), 0)
    assert.equal(cli.stdout.text, 'no notes\n')
  })

  it('adds a note', async () => {
    assert.equal(await cli.kith('memory', 'add', 'tea at five'), 0)
    assert.deepEqual(cli.calls, [['addNote', { text: 'tea at five' }]])
    assert.equal(cli.stdout.text, 'noted\n')
  })

  it('forgets one source', async () => {
    assert.equal(await cli.kith('memory', 'forget', '--source', 'bob'), 0)
    assert.equal(await cli.kith('memory', 'forget', '--source', 'carol'), 0)
    assert.equal(cli.stdout.text, 'forgot 2 notes from bob\nthere was no note from carol\n')
  })

  it('forgets nothing without a source', async () => {
    assert.equal(await cli.kith('memory', 'forget'), 2)
    assert.deepEqual(cli.calls, [])
  })

  for (const args of [['show'], ['add', 'x'], ['forget', '--source', 'x']]) {
    it(`${args[0] ?? ''} says that no node runs`, async () => {
      cli.answers = {}
      assert.equal(await cli.kith('memory', ...args), 6)
      assert.match(cli.stderr.text, /no node is running/)
    })
  }
})
