import { KithError } from '../../protocol/errors.ts'
import { MAX_ANSWER_BYTES } from '../../protocol/limits.ts'
import { startChild } from '../child.ts'
import type { Child, ChildEnd } from '../child.ts'
import { ended } from '../failure.ts'
import type { Engine, EngineAsk, EngineEvent } from '../ports.ts'
import { conversationText } from './conversation.ts'
import { permitProgram, programFailed, reserveProgram } from './program.ts'
import type { ProgramComponents, ProgramInit } from './program.ts'

/**
 * The engine that runs a program of the owner's for each ask, such as `claude -p`: what is asked is on its standard
 * input, as `conversationText` puts it, and what it writes to its standard output is the answer. Its variables tell
 * it of the ask: `KITH_ASK_ID`, `KITH_ASKER`, and `KITH_SESSION` where there is one.
 *
 * An exit code but 0 is a fault of ours to the asker; our operator gets the code, and what the program said last.
 */
export class CommandEngine implements Engine {
  readonly name = 'command'
  readonly #components: ProgramComponents
  readonly #init: ProgramInit

  constructor(components: ProgramComponents, init: ProgramInit) {
    this.#components = components
    this.#init = init
  }

  run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    return ended(this.#permitted(ask, signal), signal)
  }

  async *#permitted(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent, undefined> {
    yield* permitProgram(this.#components.guard, this.name, this.#init, ask, signal)
    const { budget } = this.#components
    const { reservation, usage } = await reserveProgram(budget, this.name, this.#init, ask)
    try {
      yield* this.#answer(ask, AbortSignal.any([signal, reservation.exhausted]))
    } finally {
      await reservation.settle(usage)
    }
  }

  async *#answer(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const { now, ownId, sessions } = this.#components
    const askedAt = now()
    const prompt = conversationText(ask, await sessions.read(ask), ownId)
    const env = { ...this.#init.env, ...variablesOf(ask) }
    const child = await startChild({ ...this.#init, env }, signal)
    let answer = ''
    try {
      child.stdin.end(prompt)
      for await (const text of textOf(child, signal)) {
        answer += text
        yield { kind: 'text', text }
      }
      const end = await child.ended
      signal.throwIfAborted()
      if (end.exitCode !== 0) throw this.#badEnd(child, end)
    } finally {
      await child.stop()
      this.#components.onProgram(ask.id, { pid: child.pid, ...(await child.ended) })
    }
    if (ask.session === undefined) return
    await sessions.append(ask, [
      { role: 'user', text: ask.text, at: askedAt },
      { role: 'assistant', text: answer, at: now() },
    ])
  }

  #badEnd(child: Child, end: ChildEnd): KithError<'program-failed'> {
    const [program] = this.#init.argv
    const how =
      end.signal === undefined ? `exit code ${String(end.exitCode)}` : `signal ${end.signal}`
    return programFailed(program, `ended with ${how}`, this.#components.redacted(child.stderrTail))
  }
}

function variablesOf(ask: EngineAsk): Record<string, string> {
  return {
    KITH_ASK_ID: ask.id,
    KITH_ASKER: ask.asker.name,
    ...(ask.session === undefined ? {} : { KITH_SESSION: ask.session }),
  }
}

/**
 * What `child` writes, as text. Bytes that are no UTF-8 become U+FFFD.
 *
 * @throws {KithError} `too-large` past what an answer may have
 * @throws the signal's reason
 */
async function* textOf(child: Child, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    signal.throwIfAborted()
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) {
      const details = { bytes, limitBytes: MAX_ANSWER_BYTES }
      throw new KithError('too-large', `it wrote more than ${MAX_ANSWER_BYTES} bytes`, details)
    }
    const text = decoder.decode(chunk, { stream: true })
    if (text !== '') yield text
  }
  const rest = decoder.decode()
  if (rest !== '') yield rest
}
