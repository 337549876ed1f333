import type { Risk } from '../tool-guard.ts'
import { shellCommand } from './shell-command.ts'
import type { ShellCommand } from './shell-command.ts'
import { dangerIn, textsWithin } from './shell-dangers.ts'

/** Deepest nesting of `sh -c` in `sh -c` that is looked into. */
const MAX_NESTING = 4

/** How a program that only reads is called. */
interface SafeUse {
  /** What each of its options has to look like. @default any: none of them writes, runs or follows */
  options?: RegExp
  /** What each of its other words has to look like. @default any */
  operands?: RegExp
  /** Most of them. @default any number */
  most?: number
}

const ANY: SafeUse = {}

/**
 * Programs that read and show, and do nothing else when they are called so. `diff` is not among them: of two folders
 * it shows all files, also hidden ones and those with keys.
 */
const SAFE: ReadonlyMap<string, SafeUse> = new Map<string, SafeUse>([
  ...(
    'arch basename cat cmp comm cut df dirname echo expr false fold free groups head id ls nl nproc od paste printf ' +
    'pwd readlink realpath rev seq stat tac test tr true tty uname uptime which whoami'
  )
    .split(' ')
    .map((name): [string, SafeUse] => [name, ANY]),
  // Without the options that take names of files from a file: what is in that is not judged.
  ...['cksum', 'md5sum', 'sha1sum', 'sha256sum', 'sha512sum'].map((name): [string, SafeUse] => [
    name,
    { options: /^-[btz]+$/u },
  ]),
  ['du', { options: /^-[abchHklmsSx\d]+$/u }],
  // A word that begins with @ names a file with more words.
  ['strings', { operands: /^[^@]/u }],
  ['wc', { options: /^-[clmwL]+$/u }],
  ['date', { options: /^-(?:u|R|I\w*|-utc|-iso-8601.*|-rfc-.*)$/u, operands: /^\+/u }],
  ['file', { options: /^-[bikLN0]+$/u }],
  [
    'find',
    {
      options:
        /^-(?:a|and|depth|empty|group|i?name|i?path|i?regex|ls|maxdepth|mindepth|mmin|mount|mtime|newer|not|o|or|perm|print0?|prune|size|type|user|xdev)$/u,
    },
  ],
  ['hostname', { options: /^-[fs]$/u, most: 0 }],
  ['sort', { options: /^-(?:[bcdfghiMmnRrsuVz]+|k[\d.,bdfghiMnrRV]*|t.?)$/u }],
  ['tail', { options: /^-[cnqvz+\d]+$/u }],
  ['tree', { options: /^-[adDfFghIlLprst\d]+$/u }],
  ['uniq', { options: /^-[cdDiuz]+$/u, most: 1 }],
  ...['grep', 'egrep', 'fgrep'].map((name): [string, SafeUse] => [
    name,
    // Not in folders: those have hidden files in them, and files with keys.
    { options: /^-(?:[EFGHPLabchilnoqsvwxz\d]+|[ABCem]\d*|-count|-color=?\w*|-ignore-case)$/u },
  ]),
])

/** As above, for git: in a sandbox alone, because the settings of a repository name programs to run. */
const SAFE_GIT: ReadonlyMap<string, SafeUse> = new Map<string, SafeUse>([
  ['branch', { options: /^-(?:a|r|v+|-all|-list|-show-current)$/u, most: 0 }],
  ['describe', { options: /^--(?:tags|always|dirty|long)$/u }],
  [
    'log',
    {
      options:
        /^-(?:\d+|n\d*|-all|-author=.*|-decorate|-format=.*|-graph|-name-only|-name-status|-no-merges|-oneline|-pretty=.*|-since=.*|-stat|-until=.*)$/u,
    },
  ],
  ['ls-files', ANY],
  ['rev-parse', ANY],
  ['status', ANY],
])

/** Out of the workspace, or to a hidden file: from the root, a home, over `..`, or `.name`. */
const OUTSIDE = /(?:^|[=:,])[/~]|(?:^|[/=])\.\.(?:\/|$)|(?:^|[/=])\.[^./]/u

/** Programs that do what their words say, and run nothing that stands in a file, however they are called. */
const PLAIN: ReadonlySet<string> = new Set(
  (
    'arch basename cat chmod cksum cmp comm cp cut date df diff dirname du echo egrep expand expr false fgrep file ' +
    'fmt fold free grep groups head id join link ln ls md5sum mkdir mktemp mv nl nproc od paste printf pwd readlink ' +
    'realpath rev rm rmdir seq sha1sum sha256sum sha512sum sleep stat strings tac tail tee test touch tr tree true ' +
    'truncate tty uname unexpand uniq unlink uptime wc which whoami'
  ).split(' '),
)

/** What a shell puts something else in the place of. */
const EXPANDED = /[\n\r`$\0]|[<>]\(/u

/** A command and what it may do at worst. */
export interface JudgedCommand {
  command: ShellCommand
  risk: Risk
  /** True unless the same words do the same the next time: an interpreter, `make` and their like read what to do. */
  onceOnly: boolean
  /** Why it is dangerous. */
  why?: string
}

/**
 * The command in `text`, judged. Safe is one program of a table with options of a table, which is then run without a
 * shell, so that no shell can read it in another way than we did. Dangerous is what is known to be. The rest is for
 * a person to look at.
 *
 * @throws {KithError} `bad-request` for what is no command
 */
export async function judged(text: string, sandboxed: boolean): Promise<JudgedCommand> {
  const command = await shellCommand(text)
  const onceOnly = !isPlain(command)
  const nested: ShellCommand[] = []
  let texts = textsWithin(command)
  for (let depth = 0; texts.length > 0; depth++) {
    if (depth === MAX_NESTING) {
      return { command, risk: 'dangerous', onceOnly, why: 'it is nested too deeply' }
    }
    const inner = await Promise.all(texts.filter((each) => each.trim() !== '').map(shellCommand))
    nested.push(...inner)
    texts = inner.flatMap(textsWithin)
  }
  const why = dangerIn(command, nested)
  if (why !== undefined) return { command, risk: 'dangerous', onceOnly, why }
  return { command, onceOnly, risk: isSafe(command, sandboxed) ? 'safe' : 'caution' }
}

/** What nobody knows may read what to do from a file of the workspace, which can be another one the next time. */
function isPlain({ parts, text }: ShellCommand): boolean {
  return !EXPANDED.test(text) && parts.every(({ words: [program = ''] }) => PLAIN.has(program))
}

function isSafe({ argv }: ShellCommand, sandboxed: boolean): boolean {
  if (argv === undefined) return false
  const [program, ...words] = argv
  if (words.some((word) => OUTSIDE.test(word))) return false
  if (program !== 'git') return fits(SAFE.get(program), words)
  const [verb = '', ...rest] = words
  return sandboxed && fits(SAFE_GIT.get(verb), rest)
}

function fits(use: SafeUse | undefined, words: readonly string[]): boolean {
  if (use === undefined) return false
  const isOption = (word: string): boolean => word.startsWith('-') && word !== '-' && word !== '--'
  const operands = words.filter((word) => !isOption(word))
  return (
    words.filter(isOption).every((word) => use.options?.test(word) !== false) &&
    operands.every((word) => use.operands?.test(word) !== false) &&
    operands.length <= (use.most ?? Infinity)
  )
}
