import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { printAnswer } from '../../src/cli/answer-printer.ts'
import type { AnswerOptions } from '../../src/cli/answer-printer.ts'
import type { AskStreamItem } from '../../src/node/control/api.ts'
import { FakeCli } from './fake-cli.ts'
import { done, failed, progress, text } from './reports.ts'

describe('printAnswer', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  async function print(items: AskStreamItem[], options: AnswerOptions = {}): Promise<string> {
    await printAnswer(cli, Readable.from(items), options)
    return cli.stdout.text
  }

  it('writes each piece as it comes', async () => {
    async function* items(): AsyncGenerator<AskStreamItem> {
      yield text(1, 'one ')
      assert.equal(cli.stdout.text, 'one ')
      yield text(2, 'two')
      assert.equal(cli.stdout.text, 'one two')
      yield done
    }
    assert.deepEqual(await printAnswer(cli, items(), {}), done.type === 'final' ? done.final : '')
    assert.equal(cli.stdout.text, 'one two\n')
  })

  const endings: [pieces: string[], printed: string][] = [
    [['one'], 'one\n'],
    [['one\n'], 'one\n'],
    [['one\n', '\n'], 'one\n\n'],
    [[], ''],
  ]
  for (const [pieces, printed] of endings) {
    it(`prints ${JSON.stringify(pieces)} as ${JSON.stringify(printed)}`, async () => {
      assert.equal(
        await print([...pieces.map((piece, index) => text(index + 1, piece)), done]),
        printed,
      )
    })
  }

  it('ends the line of an answer that breaks off', async () => {
    assert.equal(await print([text(1, 'half'), failed('interrupted')]), 'half\n')
  })

  it('drops a control sequence that is cut in two', async () => {
    assert.equal(await print([text(1, 'a\u001B[3'), text(2, '1mb'), done]), 'ab\n')
  })

  it('leaves controls in where --raw is given and no terminal reads', async () => {
    assert.equal(await print([text(1, '\u001B[31mred\n'), done], { raw: true }), '\u001B[31mred\n')
  })

  it('drops them on a terminal whatever is given', async () => {
    cli.stdout.isTTY = true
    assert.equal(await print([text(1, '\u001B[31mred\n'), done], { raw: true }), 'red\n')
  })

  it('writes the whole at its end with --no-stream', async () => {
    async function* items(): AsyncGenerator<AskStreamItem> {
      yield text(1, 'one ')
      yield text(2, 'two')
      assert.equal(cli.stdout.text, '')
      yield done
    }
    await printAnswer(cli, items(), { stream: false })
    assert.equal(cli.stdout.text, 'one two\n')
  })

  it('writes each item as a line of JSON with --json', async () => {
    const items = [progress(1, 'thinking'), text(2, 'one\u009B2J'), done]
    await print(items, { json: true })
    assert.deepEqual(cli.stdout.json, items)
    assert.ok(!cli.stdout.text.includes('\u009B'))
  })

  it('writes one object with --json and --no-stream', async () => {
    await print([text(1, 'one '), text(2, 'two'), done], { json: true, stream: false })
    assert.deepEqual(cli.stdout.json, [
      { answer: 'one two', final: done.type === 'final' ? done.final : undefined },
    ])
  })

  it('shows progress on a terminal, and takes it away before text', async () => {
    cli.stderr.isTTY = true
    async function* items(): AsyncGenerator<AskStreamItem> {
      yield progress(1, 'thinking')
      assert.equal(cli.stderr.text, '\r\u001B[2Kthinking')
      yield text(2, 'one')
      assert.equal(cli.stderr.text, '\r\u001B[2Kthinking\r\u001B[2K')
      yield done
    }
    await printAnswer(cli, items(), {})
  })

  it('keeps progress to itself elsewhere', async () => {
    await print([progress(1, 'thinking'), text(2, 'one'), done])
    assert.equal(cli.stderr.text, '')
  })
})
