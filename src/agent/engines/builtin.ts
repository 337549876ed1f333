import { singleLine } from '../../protocol/text.ts'
import { ended } from '../failure.ts'
import { isOwner } from '../owner.ts'
import type { Engine, EngineAsk, EngineEvent } from '../ports.ts'
import type { BuiltinComponents, Command, CommandCall } from './builtin-command.ts'
import {
  answerFiles,
  answerRead,
  answerRecall,
  answerRemember,
  answerSearch,
} from './builtin-files.ts'
import { answerJobs, answerRuns } from './builtin-jobs.ts'
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
  {
    name: 'status',
    summary: 'how the node is',
    needs: { name: 'node_status', class: 'read' },
    answer: answerStatus,
  },
  {
    name: 'peers',
    summary: 'who is connected',
    needs: { name: 'list_peers', class: 'read' },
    answer: answerPeers,
  },
  {
    name: 'asks',
    summary: 'the latest asks',
    needs: { name: 'list_asks', class: 'read' },
    answer: answerAsks,
  },
  {
    name: 'jobs',
    summary: 'what the node does by itself',
    needs: { name: 'list_jobs', class: 'read' },
    answer: answerJobs,
  },
  {
    name: 'runs',
    summary: 'the latest runs of jobs',
    needs: { name: 'list_jobs', class: 'read' },
    answer: answerRuns,
  },
  {
    name: 'files',
    parameter: '[PATTERN]',
    summary: 'the files of the workspace',
    needs: { name: 'list_files', class: 'read' },
    answer: answerFiles,
  },
  {
    name: 'read',
    parameter: 'PATH',
    summary: 'the text of a file',
    needs: { name: 'read_file', class: 'read' },
    answer: answerRead,
  },
  {
    name: 'search',
    parameter: 'WORDS',
    summary: 'the lines of files that hold all words',
    needs: { name: 'search_files', class: 'read' },
    answer: answerSearch,
  },
  {
    name: 'recall',
    parameter: 'WORDS',
    summary: 'the notes that hold all words',
    needs: { name: 'recall', class: 'read' },
    answer: answerRecall,
  },
  {
    name: 'remember',
    parameter: 'TEXT',
    summary: 'keep a note',
    needs: { name: 'remember', class: 'write' },
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

  run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    return ended(this.#answer(ask, signal), signal)
  }

  async *#answer(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent, undefined> {
    const { word, argument } = parsed(ask.text)
    const command = COMMANDS.find(({ name }) => name === word)
    yield* this.#permission(command, ask, signal)
    const owner = isOwner(ask.asker, this.#components.facts)
    const call = { ...this.#components, ask, asker: ask.asker, owner, argument, signal }
    for await (const text of answerOf(command, word, call)) {
      yield { kind: 'text', text }
      signal.throwIfAborted()
    }
  }

  /** Returns once `command` may run. Nothing ran before, so that a checkpoint has nothing to say. */
  async *#permission(
    command: Command | undefined,
    ask: EngineAsk,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    if (command?.needs === undefined) return
    // A person who says yes to one file has not said so to another: alike is what says the same.
    const call = { tool: command.needs, risk: 'safe', what: ask.text, key: ask.text } as const
    const since = ask.resume === undefined ? {} : { approval: ask.resume.approval }
    const waiting = { checkpoint: new Uint8Array(), signal, ...since }
    yield* this.#components.guard.permit(ask, call, waiting)
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

function answerOf(
  command: Command | undefined,
  word: string,
  call: CommandCall,
): Iterable<string> | AsyncIterable<string> {
  if (command !== undefined) return command.answer(call)
  return GREETINGS.has(word) ? answerGreeting(call) : answerUnknown(call)
}

function mayRun({ needs }: Command, { ask, guard }: CommandCall): boolean {
  return needs === undefined || guard.covers(ask, needs)
}

function* answerHelp(call: CommandCall): Generator<string> {
  const open = COMMANDS.filter((command) => mayRun(command, call))
  for (const { name, parameter = '', summary } of open) {
    yield `${`${name} ${parameter}`.padEnd('files [PATTERN]'.length)}  ${summary}\n`
  }
  const closed = COMMANDS.filter((command) => !open.includes(command))
  if (closed.length > 0) yield `Not open to you: ${namesOf(closed)}.\n`
}

function* answerGreeting(call: CommandCall): Generator<string> {
  yield `Hello. I am the built-in engine of a ${call.facts.describe().software} node, without a model.\n`
  yield `I understand: ${namesOf(COMMANDS.filter((command) => mayRun(command, call)))}.\n`
}

function* answerUnknown(call: CommandCall): Generator<string> {
  yield 'I am the built-in engine of this node. There is no model behind me, so I cannot answer that.\n'
  yield `I heard: "${singleLine(call.ask.text, MAX_QUOTE_CHARS)}"\n`
  yield `I understand: ${namesOf(COMMANDS.filter((command) => mayRun(command, call)))}.\n`
}

function namesOf(commands: readonly Command[]): string {
  return commands.map(({ name }) => name).join(', ')
}
