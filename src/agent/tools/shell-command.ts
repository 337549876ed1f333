import { KithError } from '../../protocol/errors.ts'

/** A program with its words, somewhere in a command. */
export interface CommandPart {
  words: readonly string[]
  /** The operator before it, such as `|` or `;`. Empty for the first one. */
  after: string
  /** What it reads from and writes to by `<`, `>` and their like, with the operator. */
  redirects: readonly { op: string; target: string }[]
}

/** A command line that was taken apart. */
export interface ShellCommand {
  text: string
  /** Its words, when it is one program and there is nothing in it for a shell to do. */
  argv: readonly [program: string, ...rest: string[]] | undefined
  /**
   * All programs in it, those in `$(…)` too, as far as can be told without running it: good for finding what is
   * dangerous, not for telling that nothing is.
   */
  parts: readonly CommandPart[]
}

/** Longest command, in UTF-16 units. */
export const MAX_COMMAND_CHARS = 8_192

/** What a shell would act upon, even where the parser takes it for a part of a word. */
const FOR_A_SHELL = /[\n\r`$\0]/u

/** First words that are a shell's own: there is no such program. */
const BUILTINS: ReadonlySet<string> = new Set(
  (
    '. : [[ alias bg break case cd command continue coproc declare disown do done elif else esac eval exec exit ' +
    'export fg fi for function getopts hash if jobs let local read readonly return select set shift shopt source ' +
    'then time times trap type typeset ulimit umask unalias unset until wait while ! { }'
  ).split(' '),
)

/** Where the text of another command begins within a word. */
const SUBSTITUTION = /\$\(|`|[<>]\(/gu

const MAX_SUBSTITUTIONS = 32

/**
 * `text`, taken apart.
 *
 * @throws {KithError} `bad-request` for an empty one, and for one that cannot be taken apart
 */
export async function shellCommand(text: string): Promise<ShellCommand> {
  // Loaded when it is first needed: few nodes run a shell.
  const { parse } = await import('shell-quote')
  const entriesOf = (part: string): Entry[] => {
    try {
      // A variable stands for itself: what it will be is not known here.
      return parse(part, (name) => `$${name}`)
    } catch (cause) {
      throw unfit('it cannot be taken apart', cause)
    }
  }
  const begins = [...text.matchAll(SUBSTITUTION)].map(({ index, 0: mark }) => index + mark.length)
  if (begins.length > MAX_SUBSTITUTIONS) throw unfit('there are too many commands within it')
  const texts = [text, ...begins.map((at) => text.slice(at))]
  const entries = entriesOf(text)
  if (entries.length === 0) throw unfit('it is empty')
  return {
    text,
    argv: argvOf(text, entries),
    // The parser takes the end of a line for a space; to a shell, it ends a command.
    parts: texts.flatMap((part) => partsOf(entriesOf(part.replace(/[\n\r`]/gu, ' ; ')))),
  }
}

type Entry = string | { op: string; pattern?: string } | { comment: string }

function argvOf(text: string, entries: readonly Entry[]): ShellCommand['argv'] {
  const words = entries.filter((entry) => typeof entry === 'string')
  const [program, ...rest] = words
  if (words.length !== entries.length || FOR_A_SHELL.test(text)) return undefined
  if (program === undefined || program === '' || program.includes('=')) return undefined
  return BUILTINS.has(program) ? undefined : [program, ...rest]
}

function partsOf(entries: readonly Entry[]): CommandPart[] {
  const parts: CommandPart[] = []
  let part = { words: [] as string[], after: '', redirects: [] as { op: string; target: string }[] }
  let redirect: string | undefined
  for (const entry of entries) {
    if (typeof entry !== 'string' && 'comment' in entry) continue
    const word = typeof entry === 'string' ? entry : entry.pattern
    if (word === undefined) {
      const { op } = entry as { op: string }
      if (isRedirect(op)) {
        redirect = op
        continue
      }
      parts.push(part)
      part = { words: [], after: op, redirects: [] }
    } else if (redirect === undefined) {
      part.words.push(word)
    } else {
      part.redirects.push({ op: redirect, target: word })
    }
    redirect = undefined
  }
  parts.push(part)
  return parts
}

/** True for what takes a file, and not for `<(` and `>(`, which take a command. */
function isRedirect(op: string): boolean {
  return /[<>]/u.test(op) && !op.endsWith('(')
}

function unfit(why: string, cause?: unknown): KithError<'bad-request'> {
  return new KithError('bad-request', `this is no command: ${why}`, { what: 'command' }, { cause })
}
