import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { AskProgress } from '../../../src/cli/mcp/ask-progress.ts'

interface Note {
  progressToken: unknown
  progress: number
  message: string
}

describe('AskProgress', () => {
  let notes: Note[] = []
  const notify = async ({ params }: { params?: unknown }): Promise<void> => {
    notes.push(params as Note)
  }

  beforeEach(() => {
    notes = []
    mock.timers.enable({ apis: ['setInterval'] })
  })
  afterEach(() => {
    mock.timers.reset()
  })

  const events: [what: string, event: Record<string, unknown>, message: string][] = [
    ['an ask that begins', { kind: 'accepted', position: 0 }, 'bob has begun'],
    ['a place in the queue', { kind: 'accepted', position: 3 }, 'bob has taken it; 3 before it'],
    ['a note', { kind: 'progress', note: 'reads' }, 'bob: reads'],
    ['a tool', { kind: 'tool', name: 'shell', state: 'begun' }, 'bob uses shell: begun'],
    [
      'a wait for a person',
      { kind: 'approval', state: 'waiting', what: 'run rm x' },
      'bob asks its owner, waiting: run rm x',
    ],
    ['the text so far', { kind: 'text', text: 'c' }, 'bob: abc'],
    ['controls in a note', { kind: 'progress', note: 'a\u001b[2Jb\nc' }, 'bob: ab c'],
  ]
  for (const [what, event, message] of events) {
    it(`tells of ${what}`, () => {
      const progress = new AskProgress({ _meta: { progressToken: 't' }, notify }, 'bob')
      progress.show(event, 'abc')
      progress.close()
      assert.deepEqual(notes, [{ progressToken: 't', progress: 1, message }])
    })
  }

  it('shows the end of a long text, and not each of many pieces', () => {
    const progress = new AskProgress({ _meta: { progressToken: 1 }, notify }, 'bob')
    const text = `${'a'.repeat(10_000)}end`
    for (let piece = 0; piece < 100; piece++) progress.show({ kind: 'text' }, text)
    progress.close()
    assert.ok(notes.length < 10)
    assert.equal(notes[0]?.message, `bob: ${'a'.repeat(197)}end`)
  })

  it('shows life while nothing comes, until it is closed', () => {
    const progress = new AskProgress({ _meta: { progressToken: 1 }, notify }, 'bob')
    progress.show({ kind: 'progress', note: 'reads' }, '')
    mock.timers.tick(30_000)
    progress.close()
    mock.timers.tick(30_000)
    const messages = notes.map(({ message }) => message)
    assert.deepEqual(messages, ['bob: reads', 'bob: reads', 'bob: reads'])
    assert.deepEqual(
      notes.map(({ progress }) => progress),
      [1, 2, 3],
    )
  })

  it('says nothing to a client that does not want to know', () => {
    const progress = new AskProgress({ notify }, 'bob')
    progress.show({ kind: 'progress', note: 'reads' }, '')
    mock.timers.tick(30_000)
    progress.close()
    assert.deepEqual(notes, [])
  })
})
