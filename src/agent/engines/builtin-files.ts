import { singleLine } from '../../protocol/text.ts'
import { OWNER_NAME } from '../ports.ts'
import { patternTest, wordsOf } from '../words.ts'
import { misused } from './builtin-command.ts'
import type { CommandCall } from './builtin-command.ts'

const INCOMPLETE = 'There are more files than I look at.\n'

const MAX_FILES_SHOWN = 200
const MAX_HITS_SHOWN = 50
const MAX_NOTES_SHOWN = 20

/** Longest path or excerpt in a listing, in code points. */
const MAX_LINE_CHARS = 200

/** A file is given out in pieces of about this many UTF-16 units, cut at line ends. */
const BLOCK_CHARS = 4_096

/** What the answers about files are made from. */
type FilesCall = Pick<CommandCall, 'argument' | 'signal' | 'workspace'>

/** The paths of the workspace that fit a pattern. */
export async function* answerFiles(call: FilesCall): AsyncGenerator<string> {
  const fits = patternTest(call.argument)
  const { paths, complete } = await call.workspace.list(call.signal)
  const fitting = paths.filter(fits)
  if (fitting.length === 0) yield 'No such files.\n'
  for (const path of fitting.slice(0, MAX_FILES_SHOWN)) yield `${shown(path)}\n`
  const more = fitting.length - MAX_FILES_SHOWN
  if (more > 0) yield `and ${more} more\n`
  if (!complete) yield INCOMPLETE
}

/** The text of one file. */
export async function* answerRead({ argument, workspace }: CommandCall): AsyncGenerator<string> {
  if (argument === '') throw misused('read PATH')
  let block = ''
  for (const line of (await workspace.read(argument)).split(/(?<=\n)/u)) {
    block += line
    if (block.length < BLOCK_CHARS) continue
    yield block
    block = ''
  }
  if (block !== '') yield block
}

/** The lines of the workspace that hold all words. */
export async function* answerSearch(call: FilesCall): AsyncGenerator<string> {
  const words = wordsOf(call.argument)
  if (words.length === 0) throw misused('search WORDS')
  const { paths, complete } = await call.workspace.list(call.signal)
  let hits = 0
  for await (const { path, line, text } of call.workspace.search(paths, words, call.signal)) {
    if (hits++ === MAX_HITS_SHOWN) {
      yield 'and more\n'
      break
    }
    yield `${shown(path)}:${line}: ${shown(text)}\n`
  }
  if (hits === 0) yield 'Found in no text file.\n'
  if (!complete) yield INCOMPLETE
}

/** Keeps a note, with the asker's name. */
export async function* answerRemember(call: CommandCall): AsyncGenerator<string> {
  if (call.argument === '') throw misused('remember TEXT')
  await call.memory.remember(call.argument, call.asker.name, call.facts.now())
  yield 'Remembered.\n'
}

/** The notes that hold all words. */
export async function* answerRecall(
  call: Pick<CommandCall, 'argument' | 'asker' | 'memory' | 'owner'>,
): AsyncGenerator<string> {
  const words = wordsOf(call.argument)
  if (words.length === 0) throw misused('recall WORDS')
  const notes = await call.memory.recall(words)
  if (notes.length === 0) yield 'Nothing is remembered of that.\n'
  for (const { at, source, text } of notes.slice(0, MAX_NOTES_SHOWN)) {
    yield `${at ?? 'undated'}, from ${sourceFor(call, source)}: ${singleLine(text, text.length)}\n`
  }
  const more = notes.length - MAX_NOTES_SHOWN
  if (more > 0) yield `and ${more} more\n`
}

function shown(text: string): string {
  return singleLine(text, MAX_LINE_CHARS)
}

/** Who said a note, as the asker may know it: the names of peers are the owner's alone. */
function sourceFor({ asker, owner }: Pick<CommandCall, 'asker' | 'owner'>, source: string): string {
  if (source === asker.name) return 'you'
  if (owner) return source
  return source === OWNER_NAME ? 'the owner' : 'another peer'
}
