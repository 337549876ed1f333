import assert from 'node:assert/strict'
import type { AskStreamItem, Input } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { eventually } from '../../helpers/eventually.ts'
import { FakeCli } from '../fake-cli.ts'
import { APPROVAL, approval, ask, ASK, done, failed, status, text, tool } from '../reports.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const UP = '\u001B[A'
const ENTER = '\r'

describe('kith chat', () => {
  let cli: FakeCli
  /** The answers to asks, in their order. */
  let replies: (() => AsyncGenerator<AskStreamItem>)[]

  beforeEach(() => {
    cli = new FakeCli()
    replies = []
    cli.answers = {
      status: () => status,
      ask: ({ peer }) => ({ ...ask, peer }),
      cancelAsk: () => ask,
      answerApproval: ({ answer, approval: id }) => ({
        approval: id,
        state: answer === 'deny' ? 'denied' : 'granted',
      }),
    }
    cli.client.askEvents = async function* (_input, signal) {
      const reply = replies.shift() ?? answerOf('…')
      for await (const item of reply()) {
        signal?.throwIfAborted()
        yield item
      }
    }
  })

  function answerOf(...items: (string | AskStreamItem)[]): () => AsyncGenerator<AskStreamItem> {
    return async function* () {
      for (const item of items) yield typeof item === 'string' ? text(1, item) : item
      yield done
    }
  }

  /** What was asked, in order. */
  function asked(): Input<'ask'>[] {
    return cli.calls.filter(([route]) => route === 'ask').map(([, input]) => input as Input<'ask'>)
  }

  function texts(): string[] {
    return asked().map((request) => request.text)
  }

  describe('without a terminal', () => {
    it('asks line by line in one session, and prints no prompt', async () => {
      replies = [answerOf('one'), answerOf('two\n')]
      cli.stdin.end('first\n\n second \n')
      assert.equal(await cli.kith('chat', 'bob'), 0)
      assert.equal(cli.stdout.text, 'one\ntwo\n')
      assert.equal(cli.stderr.text, '')
      assert.deepEqual(texts(), ['first', ' second '])
      const sessions = new Set(asked().map(({ session }) => session))
      assert.match([...sessions].join(), /^chat-[0-9a-f]{8}$/)
    })

    it('takes a last line without its end', async () => {
      cli.stdin.end('first')
      assert.equal(await cli.kith('chat'), 0)
      assert.deepEqual([texts(), asked()[0]?.peer], [['first'], 'self'])
    })

    it('hands on session and limits', async () => {
      cli.stdin.end('x\n')
      const limits = ['--preset', 'none', '--max-usd', '0.5', '--max-tokens', '9']
      await cli.kith('chat', 'bob', '--session', 'work', ...limits)
      assert.deepEqual(asked(), [
        {
          peer: 'bob',
          text: 'x',
          session: 'work',
          preset: 'none',
          budget: { microUsd: 500_000, tokens: 9 },
        },
      ])
    })

    it('goes on after a failure, and ends with its exit code', async () => {
      replies = [() => failing('denied'), answerOf('two')]
      cli.stdin.end('first\nsecond\n')
      assert.equal(await cli.kith('chat', 'bob'), 4)
      assert.equal(cli.stdout.text, 'two\n')
      assert.match(cli.stderr.text, /bob refused \(denied/)
    })

    it('prints items and failures as JSON with --json', async () => {
      replies = [answerOf(tool(1, 'begun')), () => failing('busy')]
      cli.stdin.end('first\nsecond\n')
      assert.equal(await cli.kith('chat', 'bob', '--json'), 75)
      assert.deepEqual(cli.stdout.json, [tool(1, 'begun'), done, failed('busy')])
      assert.match(cli.stderr.text, /^\{"error":\{"code":"busy"/)
    })

    it('asks nobody for an approval', async () => {
      replies = [answerOf(approval(1, 'waiting'), approval(2, 'expired'))]
      cli.stdin.end('first\ny\n')
      assert.equal(await cli.kith('chat'), 0)
      assert.deepEqual(texts(), ['first', 'y'])
      assert.ok(cli.calls.every(([route]) => route !== 'answerApproval'))
    })

    it('ends at a signal while it waits for a line', async () => {
      const left = cli.kith('chat')
      await eventually(() => {
        assert.equal(cli.calls.length, 1)
      })
      cli.interrupt()
      assert.equal(await left, 130)
    })

    it('cancels at a signal while an answer comes, and asks no more', async () => {
      replies = [
        async function* () {
          cli.interrupt()
          yield text(1, 'half')
          yield failed('cancelled')
        },
      ]
      cli.stdin.end('first\nsecond\n')
      assert.equal(await cli.kith('chat', 'bob'), 130)
      assert.deepEqual(texts(), ['first'])
      assert.ok(cli.calls.some(([route]) => route === 'cancelAsk'))
    })
  })

  it('says at once that no node runs, or that there is no such peer', async () => {
    assert.equal(await cli.kith('chat', 'carol'), 1)
    assert.match(cli.stderr.text, /no peer is named carol\ntry: kith peers list/)
    cli.answers = {}
    assert.equal(await cli.kith('chat', 'bob'), 6)
    assert.equal(await cli.kith('chat', 'bob', '--session', 'a b'), 2)
  })

  describe('at a terminal', () => {
    let left: Promise<number>

    beforeEach(() => {
      for (const stream of [cli.stdin, cli.stdout, cli.stderr]) stream.isTTY = true
    })

    async function open(...args: string[]): Promise<void> {
      left = cli.kith('chat', ...args)
      await shown(/> $/)
    }

    async function shown(pattern: RegExp): Promise<void> {
      await eventually(() => {
        assert.match(plain(), pattern)
      })
    }

    /** What was written, without the sequences that move the cursor. */
    function plain(): string {
      return cli.stderr.text.replaceAll(/\u001B\[[0-9;]*[A-Za-z]/g, '')
    }

    async function leave(): Promise<number> {
      cli.stdin.write(CTRL_D)
      return await left
    }

    /** Types a line, and waits until it is answered and the next one is wanted. */
    async function enter(line: string): Promise<void> {
      cli.stderr.text = ''
      cli.stdin.write(line + ENTER)
      await shown(/> $/)
    }

    it('prompts, answers, and leaves at Ctrl-D', async () => {
      replies = [answerOf('fine')]
      await open('bob')
      assert.match(cli.stderr.text, /session chat-\w+ with bob; \/help says more/)
      await enter('how?')
      assert.equal(await leave(), 0)
      assert.equal(cli.stdout.text, 'fine\n')
      assert.deepEqual(texts(), ['how?'])
    })

    it('brings a line back by an arrow key', async () => {
      await open('bob')
      await enter('first')
      await enter(UP)
      await enter(`${UP}!`)
      await leave()
      assert.deepEqual(texts(), ['first', 'first', 'first!'])
    })

    it('takes lines that are pasted together one by one', async () => {
      await open('bob')
      cli.stdin.write('one\rtwo\rthree\r')
      await eventually(() => {
        assert.deepEqual(texts(), ['one', 'two', 'three'])
      })
      await leave()
    })

    it('keeps what is typed while an answer comes for the next prompt', async () => {
      replies = [
        async function* () {
          cli.stdin.write('x'.repeat(200))
          await new Promise(setImmediate)
          yield text(1, 'answer')
          yield done
        },
      ]
      await open('bob')
      cli.stderr.text = ''
      cli.stdin.write(`first${ENTER}`)
      await shown(/> x+$/)
      // It was not shown before, and the prompt does not move up over the answer.
      assert.ok(!cli.stderr.text.split('bob>')[0]?.includes('x'))
      assert.doesNotMatch(cli.stderr.text.split('bob>')[0] ?? '', /\u001B\[\d*A/)
      await enter('y')
      await leave()
      assert.deepEqual(texts(), ['first', `${'x'.repeat(200)}y`])
    })

    it('goes on after a failure, and ends well', async () => {
      replies = [() => failing('denied')]
      await open('bob')
      await enter('first')
      assert.match(cli.stderr.text, /bob refused \(denied/)
      assert.equal(await leave(), 0)
    })

    it('strips what a peer sends of what could trouble a terminal', async () => {
      const nasty = 'x\u001B]0;y\u0007\u202Ez'
      replies = [answerOf(nasty, tool(1, 'done', nasty), approval(2, 'waiting', nasty))]
      await open('bob')
      await enter('first')
      await leave()
      assert.equal(cli.stdout.text, 'xz\n')
      assert.match(cli.stderr.text, /kith: xz: done\nkith: waits for approval: xz\n/)
      assert.ok(!/[\u202E\u0007]/.test(cli.stderr.text))
    })

    describe('with an approval', () => {
      for (const [key, answer, state] of [
        ['y', 'once', 'granted'],
        ['s', 'session', 'granted'],
        ['A', 'always', 'granted'],
        [' n ', 'deny', 'denied'],
      ] as const) {
        it(`takes ${JSON.stringify(key)} for ${answer}`, async () => {
          const answered = Promise.withResolvers<Input<'answerApproval'>>()
          cli.answers.answerApproval = (input) => {
            answered.resolve(input)
            return { approval: input.approval, state }
          }
          replies = [
            async function* () {
              yield approval(1, 'waiting')
              await answered.promise
              yield approval(2, state)
              yield done
            },
          ]
          await open()
          cli.stdin.write(`first${ENTER}`)
          await shown(/waits for approval: rm -r build\n.*run it\?.*: $/s)
          await enter(key)
          assert.deepEqual(await answered.promise, { approval: APPROVAL, answer })
          await leave()
          assert.deepEqual(texts(), ['first'])
        })
      }

      it('takes nothing for an answer that was typed before, nor what it does not know', async () => {
        const answers: string[] = []
        const settled = Promise.withResolvers<undefined>()
        cli.answers.answerApproval = ({ answer, approval: id }) => {
          answers.push(answer)
          settled.resolve(undefined)
          return { approval: id, state: 'denied' }
        }
        replies = [
          async function* () {
            cli.stdin.write(`y${ENTER}a`)
            await new Promise(setImmediate)
            yield approval(1, 'waiting')
            await settled.promise
            yield approval(2, 'denied')
            yield done
          },
        ]
        await open()
        cli.stdin.write(`first${ENTER}`)
        await shown(/run it\?.*: $/)
        cli.stderr.text = ''
        cli.stdin.write(`what${ENTER}`)
        await shown(/run it\?.*: $/)
        assert.deepEqual(answers, [])
        cli.stdin.write(`n${ENTER}`)
        // The line that was entered is asked; the letter that was not stands at the prompt again.
        await shown(/self> y\n.*self> a$/s)
        assert.deepEqual(answers, ['deny'])
        assert.deepEqual(texts(), ['first', 'y'])
        await enter('\u0015')
        // The answer is not among the lines that an arrow key brings back.
        await enter(UP)
        assert.equal(texts().at(-1), 'y')
        await leave()
      })

      it('withdraws its question when another has answered', async () => {
        const elsewhere = Promise.withResolvers<undefined>()
        replies = [
          async function* () {
            yield approval(1, 'waiting')
            await elsewhere.promise
            yield approval(2, 'granted')
            yield text(3, 'ran')
            yield done
          },
        ]
        await open()
        cli.stdin.write(`first${ENTER}`)
        await shown(/run it\?.*: $/)
        elsewhere.resolve(undefined)
        await shown(/granted: rm -r build\n.*self> $/s)
        assert.equal(cli.stdout.text, 'ran\n')
        assert.ok(cli.calls.every(([route]) => route !== 'answerApproval'))
        await leave()
      })

      it('says what the node does not take', async () => {
        cli.answers.answerApproval = () => {
          throw new KithError('unknown-approval', 'it is over', { approval: APPROVAL })
        }
        const over = Promise.withResolvers<undefined>()
        replies = [
          async function* () {
            yield approval(1, 'waiting')
            await over.promise
            yield approval(2, 'expired')
            yield done
          },
        ]
        await open()
        cli.stdin.write(`first${ENTER}`)
        await shown(/run it\?.*: $/)
        cli.stdin.write(`y${ENTER}`)
        await shown(/kith: it is over\n/)
        over.resolve(undefined)
        await shown(/expired.*self> $/s)
        await leave()
      })

      it("asks nobody about a peer's own", async () => {
        replies = [answerOf(approval(1, 'waiting'), approval(2, 'granted'))]
        await open('bob')
        await enter('first')
        assert.match(cli.stderr.text, /waits for approval: rm -r build/)
        assert.doesNotMatch(cli.stderr.text, /run it/)
        await leave()
      })
    })

    describe('at Ctrl-C', () => {
      /** An answer that ends when the ask is cancelled. */
      function endless(): () => AsyncGenerator<AskStreamItem> {
        const cancelled = Promise.withResolvers<undefined>()
        cli.answers.cancelAsk = () => {
          cancelled.resolve(undefined)
          return ask
        }
        return async function* () {
          yield text(1, 'half')
          await cancelled.promise
          yield failed('cancelled')
        }
      }

      it('cancels the ask, and goes on', async () => {
        replies = [endless(), answerOf('two')]
        await open('bob')
        cli.stdin.write(`first${ENTER}`)
        await eventually(() => {
          assert.equal(cli.stdout.text, 'half')
        })
        cli.stdin.write(CTRL_C)
        await shown(new RegExp(`cancelling ${ASK}; Ctrl-C again leaves it\n.*> $`, 's'))
        await enter('second')
        assert.equal(await leave(), 0)
        assert.equal(cli.stdout.text, 'half\ntwo\n')
      })

      it('leaves at the second one', async () => {
        const stuck = Promise.withResolvers<undefined>()
        cli.client.askEvents = async function* (_input, signal) {
          yield text(1, 'half')
          signal?.addEventListener('abort', () => {
            stuck.resolve(undefined)
          })
          await stuck.promise
          signal?.throwIfAborted()
        }
        await open('bob')
        cli.stdin.write(`first${ENTER}`)
        await eventually(() => {
          assert.equal(cli.stdout.text, 'half')
        })
        cli.stdin.write(CTRL_C + CTRL_C)
        assert.equal(await left, 130)
      })

      it('cancels an ask that waits for an answer of ours', async () => {
        const cancelled = Promise.withResolvers<undefined>()
        cli.answers.cancelAsk = () => {
          cancelled.resolve(undefined)
          return ask
        }
        replies = [
          async function* () {
            yield approval(1, 'waiting')
            await cancelled.promise
            yield failed('cancelled')
          },
        ]
        await open()
        cli.stdin.write(`first${ENTER}`)
        await shown(/run it\?.*: $/)
        cli.stdin.write(CTRL_C)
        await shown(/cancelling.*self> $/s)
        assert.equal(await leave(), 0)
        assert.ok(cli.calls.every(([route]) => route !== 'answerApproval'))
      })

      it('clears a line, warns at an empty one, and then leaves', async () => {
        await open('bob')
        cli.stdin.write('half a line')
        cli.stdin.write(CTRL_C)
        await new Promise(setImmediate)
        assert.doesNotMatch(cli.stderr.text, /again leaves/)
        cli.stdin.write(CTRL_C)
        await shown(/Ctrl-C again leaves/)
        cli.stdin.write(CTRL_C)
        assert.equal(await left, 0)
        assert.deepEqual(texts(), [])
      })
    })
  })

  describe('commands', () => {
    async function say(...lines: string[]): Promise<number> {
      cli.stdin.end(`${lines.join('\n')}\n`)
      return await cli.kith('chat', 'bob', '--session', 'one')
    }

    it('/help has them all', async () => {
      assert.equal(await say('/help'), 0)
      for (const name of ['help', 'session', 'new', 'budget', 'quit']) {
        assert.match(cli.stdout.text, new RegExp(`^/${name}`, 'm'))
      }
    })

    it('/session tells which one it is, and goes on with another', async () => {
      assert.equal(await say('/session', 'a', '/session two', 'b', '/session no good', 'c'), 2)
      assert.deepEqual(
        asked().map(({ session }) => session),
        ['one', 'two', 'two'],
      )
      assert.match(cli.stdout.text, /^session one with bob$/m)
    })

    it('/new begins another', async () => {
      await say('a', '/new', 'b')
      const [first, second] = asked().map(({ session }) => session)
      assert.equal(first, 'one')
      assert.match(second ?? '', /^chat-[0-9a-f]{8}$/)
    })

    it('/budget shows it', async () => {
      const day = '2026-11-21'
      cli.answers.budget = () => ({ day, ask: {}, scopes: [], models: [] })
      await say('/budget')
      assert.match(cli.stdout.text, /^2026-11-21\nWHOSE DAY/)
    })

    it('/quit leaves', async () => {
      assert.equal(await say('/quit', 'a'), 0)
      assert.deepEqual(texts(), [])
    })

    it('another one is a misuse, and // begins an ask', async () => {
      assert.equal(await say('/etc/passwd', '//etc/passwd', '/toString'), 2)
      assert.deepEqual(texts(), ['/etc/passwd'])
      assert.match(cli.stderr.text, /no command \/etc\/passwd: .* \/\/etc\/passwd is an ask/)
    })
  })
})

async function* failing(code: string): AsyncGenerator<AskStreamItem> {
  yield failed(code)
}
