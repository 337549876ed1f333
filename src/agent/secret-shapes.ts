import { wordlist } from '@scure/bip39/wordlists/english.js'

/** A secret of the node's own, in one of the forms in which it could be written. */
export interface KnownSecret {
  /** What it is, as it may be said to anybody: `provider key`. */
  kind: string
  value: string
}

/** A secret within a text. */
export interface SecretMatch {
  kind: string
  start: number
  length: number
  /** What may follow it and belongs to it too. */
  then: 'text' | 'token' | 'words' | 'key-block'
}

/** So many words of the list (BIP 39) in a row are a recovery key, or enough of one: no prose has as many. */
const RECOVERY_WORDS = 12

/** So many of them are shown: to hold each first word back would hold up ordinary text, and the rest is beyond guessing. */
const WORDS_SHOWN = 3

/** What is looked at before a text, in UTF-16 units: the words that are shown, and what stands before them. */
export const CONTEXT_CHARS = 64
const LIST: ReadonlySet<string> = new Set(wordlist)

/** What may stand between two of them: a space, a comma, the number of the next one in a list. */
const BETWEEN_WORDS = /^[\s\d.,;:)-]{1,6}$/u

/**
 * How tokens look that others issue. None is longer than `MAX_SECRET_CHARS`, save for what follows it: `TOKEN_RUN`
 * has all characters that one may hold.
 */
const SHAPES: readonly { kind: string; pattern: RegExp; then: SecretMatch['then'] }[] = [
  {
    kind: 'private key',
    pattern: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/gu,
    then: 'key-block',
  },
  ...[
    { kind: 'api key', pattern: /(?<![A-Za-z0-9])sk-[\w-]{20,200}/gu },
    { kind: 'github token', pattern: /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,200}/gu },
    { kind: 'github token', pattern: /(?<![A-Za-z0-9])github_pat_\w{22,200}/gu },
    { kind: 'gitlab token', pattern: /(?<![A-Za-z0-9])glpat-[\w-]{20,200}/gu },
    { kind: 'aws key', pattern: /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}/gu },
    { kind: 'google key', pattern: /(?<![A-Za-z0-9])AIza[\w-]{35}/gu },
    { kind: 'slack token', pattern: /(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{10,200}/gu },
    { kind: 'hugging face token', pattern: /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,200}/gu },
    { kind: 'kith token', pattern: /(?<![A-Za-z0-9])kith_[0-9a-f]{12}_[\w-]{43}/gu },
    { kind: 'age key', pattern: /(?<![A-Za-z0-9])AGE-SECRET-KEY-1[A-Z0-9]{20,200}/gu },
    { kind: 'web token', pattern: /(?<![A-Za-z0-9])eyJ[\w-]{10,150}\.eyJ[\w-]{10,150}/gu },
  ].map((shape) => ({ ...shape, then: 'token' as const })),
]

/** What may become one of `SHAPES` by what follows. */
const TOKEN_AT_END = new RegExp(
  '(?<![A-Za-z0-9])(?:s|sk|sk-[\\w-]*|g|gh|gh[pousr](?:_[A-Za-z0-9]*)?|gi|git|gith|githu|github|github_\\w*|' +
    'gl|glp|glpa|glpat|glpat-[\\w-]*|A|AK|AKI|AKIA[A-Z0-9]*|AS|ASI|ASIA[A-Z0-9]*|AI|AIz|AIza[\\w-]*|' +
    'x|xo|xox|xox[abeprs](?:-[A-Za-z0-9-]*)?|h|hf|hf_[A-Za-z0-9]*|k|ki|kit|kith|kith_[\\w-]*|AG|AGE|AGE-[A-Z0-9-]*|e|ey|eyJ[\\w.-]*)$',
  'u',
)
const TAIL_CHARS = 512
const KEY_HEADER_AT_END =
  /-(?:-(?:-(?:-(?:-(?:B(?:E(?:G(?:I(?:N(?: [A-Z0-9 ]{0,60}-{0,5})?)?)?)?)?)?)?)?)?)?$/u
const WORD = /[A-Za-z]+/gu

/** The first secret in `text`, which follows on `before`; of two that begin together, the known one. */
export function matchOf(
  before: string,
  text: string,
  known: readonly KnownSecret[],
): SecretMatch | undefined {
  const matches: SecretMatch[] = []
  for (const { kind, value } of known) {
    const start = text.indexOf(value)
    if (start !== -1) matches.push({ kind, start, length: value.length, then: 'text' })
  }
  // The longest of the known ones, where one begins with another.
  matches.sort((one, other) => other.length - one.length)
  for (const { kind, pattern, then } of SHAPES) {
    pattern.lastIndex = before.length
    const found = pattern.exec(before + text)
    if (found === null) continue
    matches.push({ kind, start: found.index - before.length, length: found[0].length, then })
  }
  const run = wordRuns(before, text).find(({ words }) => words.length >= RECOVERY_WORDS)
  const first = run?.words.find(({ start }, index) => index >= WORDS_SHOWN && start >= 0)
  const last = run?.words[RECOVERY_WORDS - 1]
  if (first !== undefined && last !== undefined) {
    const { start } = first
    matches.push({ kind: 'recovery words', start, length: last.end - start, then: 'words' })
  }
  return matches.reduce<SecretMatch | undefined>(
    (first, match) => (first === undefined || match.start < first.start ? match : first),
    undefined,
  )
}

/** Where the first secret may begin that `text` ends within; its length when there is none. */
export function secretAtEnd(before: string, text: string, known: readonly KnownSecret[]): number {
  // No token is longer: what begins before this is there as a whole.
  const from = Math.max(0, text.length - TAIL_CHARS)
  const tail = (from === 0 ? before : text.slice(from - 1, from)) + text.slice(from)
  const offset = text.length - tail.length
  const at = (pattern: RegExp): number => {
    const found = pattern.exec(tail)
    return found === null ? text.length : Math.max(0, found.index + offset)
  }
  const lastRun = wordRuns(before, text).at(-1)
  const held = lastRun?.open === true ? lastRun.words[WORDS_SHOWN] : undefined
  const words = Math.max(0, held?.start ?? text.length)
  const begun = known.map(({ value }) => text.length - overlap(text, value))
  return Math.min(at(TOKEN_AT_END), at(KEY_HEADER_AT_END), words, ...begun)
}

/** How long a run of recovery words `text` goes on with, in UTF-16 units; undefined if more has to be seen. */
export function moreWords(text: string, ended: boolean): number | undefined {
  const next = /^[\s\d.,;:)-]{0,6}(?:[A-Za-z]{0,9})/u.exec(text)?.[0] ?? ''
  if (next.length === text.length && !ended) return undefined
  const [word = ''] = /[A-Za-z]*$/u.exec(next) ?? []
  return LIST.has(word.toLowerCase()) ? next.length : 0
}

interface WordRun {
  words: { start: number; end: number }[]
  /** True if the text may end within it. */
  open: boolean
}

/** The runs of words of the list. The last word of `text` may be the start of one. */
function wordRuns(before: string, text: string): WordRun[] {
  const runs: WordRun[] = []
  let run: WordRun | undefined
  let lastEnd = 0
  const all = before + text
  const shift = before.length
  for (const { 0: word, index } of all.matchAll(WORD)) {
    const end = index + word.length
    // Of a word at the edge of what is known, the start may be missing.
    const cutOff = index === 0 && shift >= CONTEXT_CHARS
    if (cutOff || !(LIST.has(word.toLowerCase()) || end === all.length)) {
      run = undefined
      continue
    }
    if (run === undefined || !BETWEEN_WORDS.test(all.slice(lastEnd, index))) {
      run = { words: [], open: false }
      runs.push(run)
    }
    run.words.push({ start: index - shift, end: end - shift })
    lastEnd = end
  }
  const tail = all.slice(lastEnd)
  if (run !== undefined) run.open = tail === '' || BETWEEN_WORDS.test(tail)
  return runs
}

/** How much of the start of `value`, but not all of it, `text` ends with. */
function overlap(text: string, value: string): number {
  for (let chars = Math.min(value.length - 1, text.length); chars > 0; chars--) {
    if (text.endsWith(value.slice(0, chars))) return chars
  }
  return 0
}
