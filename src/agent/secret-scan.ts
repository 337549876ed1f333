import { CONTEXT_CHARS, matchOf, moreWords, secretAtEnd } from './secret-shapes.ts'
import type { KnownSecret, SecretMatch } from './secret-shapes.ts'

/** No secret that is looked for is longer, in UTF-16 units: more of a text is never held back. */
export const MAX_SECRET_CHARS = 512

/** A known secret that is shorter would be found in ordinary words. */
export const MIN_SECRET_CHARS = 8

/** A private key whose end does not come is taken out up to here, in UTF-16 units. */
const MAX_KEY_BLOCK_CHARS = 16_384

/** So much is looked at in one go, in UTF-16 units: after each secret that is found, the rest is looked at again. */
const SLICE_CHARS = 2_048

const KEY_BLOCK_END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/u
const KEY_BLOCK_END_CHARS = 80

/** What may follow the longest token that is looked for, and belongs to it. */
const TOKEN_CHARS = /^[\w+/=.-]*/u

/** How often what kind of secret was found. */
export type SecretCounts = Readonly<Record<string, number>>

/** Finds secrets in what leaves the node: those that it knows, and what looks like one. */
export class SecretScan {
  readonly #known: () => readonly KnownSecret[]

  /** `known` gives the node's own secrets as they are when a text begins: a key may change while the node runs. */
  constructor(known: () => readonly KnownSecret[]) {
    this.#known = known
  }

  stream(): SecretStream {
    const fitting = this.#known().filter(
      ({ value }) => value.length >= MIN_SECRET_CHARS && value.length <= MAX_SECRET_CHARS,
    )
    return new SecretStream(fitting)
  }

  /** `text` without secrets. */
  redacted(text: string): string {
    const stream = this.stream()
    return stream.push(text) + stream.end()
  }
}

/**
 * One text that comes in chunks, without its secrets. What `push` and `end` return is, put together, the same
 * wherever the chunks are cut. Only what may be the start of a secret is held back until more of it is there.
 */
export class SecretStream {
  readonly #known: readonly KnownSecret[]
  readonly #counts: Record<string, number> = {}
  #mode: SecretMatch['then'] = 'text'
  #held = ''
  /** What stands before `#held`. */
  #before = ''
  /** How much more of a private key is taken out at most. */
  #blockLeft = 0

  constructor(known: readonly KnownSecret[]) {
    this.#known = known
  }

  /** How often what was found so far. */
  get counts(): SecretCounts {
    return this.#counts
  }

  push(chunk: string): string {
    let out = ''
    for (let at = 0; at < chunk.length; at += SLICE_CHARS) {
      this.#held += chunk.slice(at, at + SLICE_CHARS)
      out += this.#drain(false)
    }
    return out
  }

  /** What was still held back. */
  end(): string {
    const rest = this.#drain(true)
    this.#before = ''
    this.#mode = 'text'
    return rest
  }

  #drain(ended: boolean): string {
    let out = ''
    let before: string
    do {
      before = `${this.#mode} ${this.#held.length}`
      out += this.#step(ended)
    } while (before !== `${this.#mode} ${this.#held.length}`)
    return out
  }

  #step(ended: boolean): string {
    switch (this.#mode) {
      case 'text':
        return this.#give(ended)
      case 'token':
        this.#take(TOKEN_CHARS.exec(this.#held)?.[0].length ?? 0)
        if (this.#held !== '') this.#mode = 'text'
        return ''
      case 'words': {
        const more = moreWords(this.#held, ended)
        this.#take(more ?? 0)
        if (more === 0) this.#mode = 'text'
        return ''
      }
      case 'key-block':
        this.#dropKeyBlock(ended)
        return ''
    }
  }

  /** Gives out what is no secret, up to the first one. */
  #give(ended: boolean): string {
    const text = this.#held
    // What begins further from the end than any secret is long is there as a whole.
    const whole = Math.max(0, text.length - MAX_SECRET_CHARS)
    const sure = ended ? text.length : Math.max(whole, secretAtEnd(this.#before, text, this.#known))
    const match = matchOf(this.#before, text, this.#known)
    if (match === undefined || match.start >= sure) return this.#take(sure)
    const out = this.#take(match.start)
    this.#take(match.length)
    this.#counts[match.kind] = (this.#counts[match.kind] ?? 0) + 1
    this.#mode = match.then
    this.#blockLeft = MAX_KEY_BLOCK_CHARS
    return `${out}[redacted: ${match.kind}]`
  }

  #dropKeyBlock(ended: boolean): void {
    const end = KEY_BLOCK_END.exec(this.#held.slice(0, this.#blockLeft))
    if (end !== null) {
      this.#take(end.index + end[0].length)
      this.#mode = 'text'
      return
    }
    const kept = ended ? 0 : KEY_BLOCK_END_CHARS
    const gone = Math.min(this.#blockLeft, Math.max(0, this.#held.length - kept))
    this.#take(gone)
    this.#blockLeft -= gone
    if (this.#blockLeft === 0) this.#mode = 'text'
  }

  #take(chars: number): string {
    const taken = this.#held.slice(0, chars)
    this.#held = this.#held.slice(chars)
    this.#before = (this.#before + taken).slice(-CONTEXT_CHARS)
    return taken
  }
}
