import { KithError } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import { abortFailure, failureOf } from '../failure.ts'
import { OWNER_NAME } from '../ports.ts'
import type { Engine, EngineAsk, EngineEvent, Preset } from '../ports.ts'
import { presetAllows } from '../presets.ts'
import type { BuiltinComponents, Command, CommandCall } from './builtin-command.ts'
import {
  answerFiles,
  answerRead,
  answerRecall,
  answerRemember,
  answerSearch,
} from './builtin-files.ts'
import {
  answerAsks,
  answerCount,
  answerEcho,
  answerId,
  answerPeers,
  answerStatus,
  answerTime,
} from './builtin-node.ts'

/** All that the builtin engine can do, in the order of `help`. */
const COMMANDS: readonly Command[] = [
  { name: 'help', summary: 'what I can do', answer: answerHelp },
  { name: 'id', summary: 'which node this is', answer: answerId },
  { name: 'time', summary: 'the time here', answer: answerTime },
  { name: 'echo', parameter: 'TEXT', summary: 'your own text', answer: answerEcho },
  { name: 'count', parameter: 'N', summary: 'the numbers up to N, slowly', answer: answerCount },
  { name: 'status', summary: 'how the node is', needs: 'read', answer: answerStatus },
  { name: 'peers', summary: 'who is connected', needs: 'read', answer: answerPeers },
  { name: 'asks', summary: 'the latest asks', needs: 'read', answer: answerAsks },
  {
    name: 'files',
    parameter: '[PATTERN]',
    summary: 'the files of the workspace',
    needs: 'read',
    answer: answerFiles,
  },
  {
    name: 'read',
    parameter: 'PATH',
    summary: 'the text of a file',
    needs: 'read',
    answer: answerRead,
  },
  {
    name: 'search',
    parameter: 'WORDS',
    summary: 'the lines of files that hold all words',
    needs: 'read',
    answer: answerSearch,
  },
  {
    name: 'recall',
    parameter: 'WORDS',
    summary: 'the notes that hold all words',
    needs: 'read',
    answer: answerRecall,
  },
  {
    name: 'remember',
    parameter: 'TEXT',
    summary: 'keep a note',
    needs: 'write',
    answer: answerRemember,
  },
]

const GREETINGS: ReadonlySet<string> = new Set(['hello', 'hey', 'hi', 'hola', 'hallo', 'bonjour'])

/** No command and no greeting is longer, with what ends a sentence after it. */
const MAX_WORD_CHARS = 32

/** Longest quote of what was not understood, in code points. */
const MAX_QUOTE_CHARS = 80

/**
 * The engine of a node without a model. It takes the first word of an ask for a command, answers from the node
 * itself, the same each time, and says so when it does not understand.
 */
export class BuiltinEngine implements Engine {
  readonly name = 'builtin'
  readonly #components: BuiltinComponents

  constructor(components: BuiltinComponents) {
    this.#components = components
  }

  async *run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    try {
      signal.throwIfAborted()
      for await (const text of this.#answer(ask, signal)) {
        yield { kind: 'text', text }
        signal.throwIfAborted()
      }
      yield { kind: 'done' }
    } catch (err) {
      const failure = signal.aborted ? abortFailure(signal) : failureOf(err)
      if (failure === undefined) throw err
      yield failure
    }
  }

  #answer(ask: EngineAsk, signal: AbortSignal): Iterable<string> | AsyncIterable<string> {
    const { word, argument } = parsed(ask.text)
    const owner = this.#isOwner(ask)
    const preset = owner ? 'full' : ask.preset
    const call = { ...this.#components, asker: ask.asker, owner, preset, argument, signal }
    const command = COMMANDS.find(({ name }) => name === word)
    if (command === undefined) {
      return GREETINGS.has(word) ? answerGreeting(call) : answerUnknown(call, ask.text)
    }
    assertAllowed(command, preset)
    if (command.needs !== undefined && ask.approve.includes(command.needs)) {
      throw new KithError('approval-needed', `${command.name} waits for a person`, { task: ask.id })
    }
    return command.answer(call)
  }

  /** The name alone is not enough: a peer that was ever named `self` must not have all rights. */
  #isOwner({ asker }: EngineAsk): boolean {
    return asker.name === OWNER_NAME && asker.id === this.#components.facts.describe().id
  }
}

/** The first word of a text, in small letters and without what ends a sentence, and the rest. */
function parsed(text: string): { word: string; argument: string } {
  const trimmed = text.trim()
  const [first = ''] = /^\S+/u.exec(trimmed) ?? []
  // Cut first: the search for an end takes time by the square of a word of punctuation.
  const word = first
    .slice(0, MAX_WORD_CHARS)
    .toLowerCase()
    .replace(/[?!.,:;]+$/u, '')
  return { word: word === '' ? 'help' : word, argument: trimmed.slice(first.length).trim() }
}

function mayRun({ needs }: Command, preset: Preset): boolean {
  return needs === undefined || presetAllows(preset, needs)
}

function assertAllowed(command: Command, preset: Preset): void {
  if (mayRun(command, preset)) return
  const message = `${command.name} is above the preset ${preset}`
  throw new KithError('denied', message, { rule: 'preset' })
}

function* answerHelp({ preset }: CommandCall): Generator<string> {
  const open = COMMANDS.filter((command) => mayRun(command, preset))
  for (const { name, parameter = '', summary } of open) {
    yield `${`${name} ${parameter}`.padEnd('files [PATTERN]'.length)}  ${summary}\n`
  }
  const closed = COMMANDS.filter((command) => !open.includes(command))
  if (closed.length > 0) yield `Not open to you: ${namesOf(closed)}.\n`
}

function* answerGreeting({ facts, preset }: CommandCall): Generator<string> {
  yield `Hello. I am the built-in engine of a ${facts.describe().software} node, without a model.\n`
  yield `I understand: ${namesOf(COMMANDS.filter((command) => mayRun(command, preset)))}.\n`
}

function* answerUnknown({ preset }: CommandCall, text: string): Generator<string> {
  yield 'I am the built-in engine of this node. There is no model behind me, so I cannot answer that.\n'
  yield `I heard: "${singleLine(text, MAX_QUOTE_CHARS)}"\n`
  yield `I understand: ${namesOf(COMMANDS.filter((command) => mayRun(command, preset)))}.\n`
}

function namesOf(commands: readonly Command[]): string {
  return commands.map(({ name }) => name).join(', ')
}
