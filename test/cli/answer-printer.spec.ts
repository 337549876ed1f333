import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { printAnswer } from '../../src/cli/answer-printer.ts'
import type { AnswerOptions } from '../../src/cli/answer-printer.ts'
import type { AskStreamItem } from '../../src/node/control/api.ts'
import { FakeCli } from './fake-cli.ts'
import { approval, done, failed, progress, text, tool } from './reports.ts'

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
      { answer: 'one two', steps: [], final: done.type === 'final' ? done.final : undefined },
    ])
  })

  it('has in that object what tools have done', async () => {
    const steps = [tool(1, 'begun'), tool(2, 'done'), approval(3, 'waiting')]
    await print([...steps, text(4, 'one'), done], { json: true, stream: false })
    const [told] = cli.stdout.json as { steps: unknown }[]
    assert.deepEqual(
      told?.steps,
      steps.map((item) => (item.type === 'event' ? item.body : undefined)),
    )
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

  it('shows a tool while it runs, and a line for what became of it', async () => {
    cli.stderr.isTTY = true
    await print([tool(1, 'begun'), tool(2, 'failed'), text(3, 'one'), done])
    assert.equal(cli.stderr.text, '\r\u001B[2Kread_file …\r\u001B[2Kkith: read_file: failed\n')
    assert.equal(cli.stdout.text, 'one\n')
  })

  it('shows what waits for a person, and what the person said', async () => {
    cli.stderr.isTTY = true
    await print([approval(1, 'waiting'), approval(2, 'granted'), done])
    assert.equal(
      cli.stderr.text,
      'kith: waits for approval: rm -r build\nkith: granted: rm -r build\n',
    )
  })

  it('lets no name of a tool write a line of its own', async () => {
    cli.stderr.isTTY = true
    await print([approval(1, 'waiting', 'x\u001B[2J\nkith: granted: y'), done])
    assert.equal(cli.stderr.text, 'kith: waits for approval: x kith: granted: y\n')
  })

  for (const [name, step] of [
    ['progress', progress(2, 'thinking')],
    ['a tool', tool(2, 'done')],
  ] as const) {
    it(`ends the line of an answer before it shows ${name} on the same terminal`, async () => {
      cli.stdout.isTTY = true
      cli.stderr.isTTY = true
      async function* items(): AsyncGenerator<AskStreamItem> {
        yield text(1, 'one')
        yield step
        assert.equal(cli.stdout.text, 'one\n')
        yield text(3, 'two')
        yield done
      }
      await printAnswer(cli, items(), {})
      assert.equal(cli.stdout.text, 'one\ntwo\n')
    })
  }

  it('leaves an answer whole that goes to a file', async () => {
    cli.stderr.isTTY = true
    assert.equal(await print([text(1, 'one'), tool(2, 'done'), text(3, 'two'), done]), 'onetwo\n')
  })

  it('keeps progress, tools and approvals to itself elsewhere', async () => {
    await print([progress(1, 'x'), tool(2, 'begun'), tool(3, 'done'), approval(4, 'waiting'), done])
    assert.equal(cli.stderr.text, '')
  })
})
