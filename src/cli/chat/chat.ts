import { randomBytes } from 'node:crypto'
import type { AskStreamItem } from '../../node/control/api.ts'
import { KithError } from '../../protocol/errors.ts'
import type { AskFinal } from '../../protocol/verbs.ts'
import { printAnswer } from '../answer-printer.ts'
import { limitsOf } from '../ask-limits.ts'
import type { LimitOptions } from '../ask-limits.ts'
import type { CliContext, Interrupts } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { AskFailed, Interrupted } from '../failure.ts'
import { canPrompt } from '../passphrase.ts'
import { runAsk } from '../run-ask.ts'
import { tellFailure } from '../tell-failure.ts'
import { note } from '../terminal.ts'
import { approvedInPlace } from './in-place.ts'
import type { Lines } from './lines.ts'
import { PipedLines } from './piped-lines.ts'
import { checked, runSlash } from './slash.ts'
import type { ChatState } from './slash.ts'
import { TypedLines } from './typed-lines.ts'

const OWN_NODE = 'self'

export interface ChatOptions extends LimitOptions {
  session?: string
  raw?: true
  json?: true
}

/**
 * Asks line by line, until there are no more lines. At a terminal, a failure ends nothing; elsewhere the last one is
 * what the command ends with.
 *
 * @throws {KithError} `daemon-not-running`, `unknown-peer`, `usage`
 */
export async function chat(cli: CliContext, peer: string, options: ChatOptions): Promise<void> {
  const session = options.session === undefined ? newSession() : checked(options.session)
  const state: ChatState = { peer, session, newSession, left: false }
  const { peers } = await cli.client.call('status', {})
  if (peer !== OWN_NODE && !peers.some(({ name }) => name === peer)) throw unknownPeer(peer)
  const typed = canPrompt(cli) && options.json !== true
  const lines = typed ? new TypedLines(cli, `${peer}> `) : new PipedLines(cli)
  if (typed) note(cli, `session ${session} with ${peer}; /help says more, Ctrl-D leaves`)
  const interrupts = cli.interrupts()
  const close = (): void => {
    lines.close()
  }
  interrupts.first.addEventListener('abort', close)
  try {
    while (!state.left && !interrupts.first.aborted) {
      const line = await lines.next()
      if (line === undefined) break
      await handle(cli, { state, lines, options, interrupts }, line).catch((err: unknown) => {
        const exitCode = tellFailure(cli, err, { json: options.json === true })
        if (!typed) cli.exitCode = exitCode
      })
    }
    if (interrupts.first.aborted) cli.exitCode = EXIT.interrupted
  } finally {
    interrupts.first.removeEventListener('abort', close)
    lines.close()
    interrupts.release()
  }
}

interface Talk {
  state: ChatState
  lines: Lines
  options: ChatOptions
  /** Signals to the process. */
  interrupts: Interrupts
}

async function handle(cli: CliContext, talk: Talk, line: string): Promise<void> {
  if (line.trim() === '') return
  if (!line.startsWith('/')) await ask(cli, talk, line)
  else if (line.startsWith('//')) await ask(cli, talk, line.slice(1))
  else await runSlash(cli, talk.state, line)
}

/** Asks one line. Ctrl-C cancels it; the second one leaves it, and the conversation. */
async function ask(cli: CliContext, talk: Talk, text: string): Promise<void> {
  const { interrupts, lines, options, state } = talk
  const keys = [new AbortController(), new AbortController()] as const
  lines.onInterrupt = () => {
    keys[keys[0].signal.aborted ? 1 : 0].abort(new Interrupted())
  }
  const first = AbortSignal.any([keys[0].signal, interrupts.first])
  const second = AbortSignal.any([keys[1].signal, interrupts.second])
  const { answer } = lines
  const show = (items: AsyncIterable<AskStreamItem>): Promise<AskFinal> => {
    const inPlace = state.peer === OWN_NODE && answer !== undefined
    return printAnswer(cli, inPlace ? approvedInPlace(cli, answer, items) : items, options)
  }
  try {
    const { peer, session } = state
    const request = { peer, text, session, ...limitsOf(options) }
    const { final, ...told } = await runAsk(cli, request, show, { first, second })
    if (final.outcome === 'failed' && !first.aborted) throw new AskFailed({ ...final, ...told })
  } catch (err) {
    if (!second.aborted) throw err
    state.left = true
    cli.exitCode = EXIT.interrupted
  } finally {
    lines.onInterrupt = () => undefined
  }
}

function newSession(): string {
  return `chat-${randomBytes(4).toString('hex')}`
}

function unknownPeer(name: string): KithError<'unknown-peer'> {
  return new KithError(
    'unknown-peer',
    `no peer is named ${name}`,
    { name },
    { hint: 'kith peers list' },
  )
}
