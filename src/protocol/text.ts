/*
 * Text of others made fit for a terminal. A sequence ends where the parser of a VT500 would end it (ECMA-48 §5.4
 * and §8.3; Paul Williams' state diagram, vt100.net/emu/dec_ansi_parser), save that a newline ends a string too:
 * an unterminated one hides no more than its line.
 */

/** Where a code unit stands: in plain text, or within an escape sequence of which `end` is the last unit. */
type Position = 'text' | 'escape' | 'intermediate' | 'csi' | 'string' | 'end'

const BEL = 0x07
const NEWLINE = 0x0a
const CANCEL = 0x18
const SUBSTITUTE = 0x1a
const ESCAPE = 0x1b
const STRING_TERMINATOR = 0x9c

/**
 * What is no part of a sequence and still does not go to a terminal: controls (among them CR, which overwrites a
 * line), and what shows nothing. That is Unicode's property, which covers bidi controls, zero-width characters, the
 * byte order mark, tags and variation selectors; interlinear annotations are beside it.
 */
const TROUBLE = /[[\p{Cc}\p{Default_Ignorable_Code_Point}\u{FFF9}-\u{FFFB}]--[\n\t]]/gv

/** `text` without escape sequences, controls and invisible characters. Newlines and tabs stay. */
export function terminalSafe(text: string): string {
  const stream = new TerminalSafeStream()
  return stream.push(text) + stream.end()
}

/**
 * Makes a text safe that comes in chunks, wherever they are cut: what `push` and `end` return is, put together,
 * `terminalSafe` of the whole. Keeps one position and at most one code unit between chunks.
 */
export class TerminalSafeStream {
  #position: Position = 'text'
  /** A high surrogate whose low one may still come. */
  #held = ''

  push(chunk: string): string {
    let kept = this.#held
    this.#held = ''
    // Text is kept by the run, not by the unit: a string put together from units is slow to search.
    let runStart = 0
    for (let at = 0; at < chunk.length; at++) {
      const position = positionOf(chunk.charCodeAt(at), this.#position)
      if (position === 'text' && this.#position !== 'text') runStart = at
      if (position !== 'text' && this.#position === 'text') kept += chunk.slice(runStart, at)
      this.#position = position
    }
    if (this.#position === 'text') kept += chunk.slice(runStart)
    if (isHighSurrogate(kept.charCodeAt(kept.length - 1))) {
      this.#held = kept.slice(-1)
      kept = kept.slice(0, -1)
    }
    return clean(kept)
  }

  /** What was still held back. The stream can then be used for another text. */
  end(): string {
    const rest = clean(this.#held)
    this.#held = ''
    this.#position = 'text'
    return rest
  }
}

/** `text` in one safe line of at most `maxChars` code points, runs of white space as one space, `…` where cut. */
export function singleLine(text: string, maxChars: number): string {
  const line = terminalSafe(text).replace(/\s+/gu, ' ').trim()
  if (line.length <= maxChars) return line
  const characters = Array.from(line)
  if (characters.length <= maxChars) return line
  return `${characters.slice(0, maxChars - 1).join('')}…`
}

/** The position of `unit`, given that of the one before it. A unit that no sequence can hold is text again. */
function positionOf(unit: number, before: Position): Position {
  if (unit === ESCAPE) return 'escape'
  const begun = sequenceOfC1(unit)
  if (begun !== undefined) return begun
  switch (before) {
    case 'text':
    case 'end':
      return 'text'
    case 'escape':
      return sequenceOfC1(unit + 0x40) ?? afterEscape(unit)
    case 'intermediate':
      return afterEscape(unit)
    case 'csi':
      if (unit >= 0x20 && unit <= 0x3f) return 'csi'
      return unit >= 0x40 && unit <= 0x7e ? 'end' : 'text'
    case 'string':
      return afterString(unit)
  }
}

/** What an 8-bit control begins. `ESC` and the unit 0x40 below it begin the same. */
function sequenceOfC1(unit: number): Position | undefined {
  switch (unit) {
    case 0x9b:
      return 'csi'
    case 0x90: // DCS
    case 0x98: // SOS
    case 0x9d: // OSC
    case 0x9e: // PM
    case 0x9f: // APC
      return 'string'
    default:
      return undefined
  }
}

function afterEscape(unit: number): Position {
  if (unit >= 0x20 && unit <= 0x2f) return 'intermediate'
  return unit >= 0x30 && unit <= 0x7e ? 'end' : 'text'
}

function afterString(unit: number): Position {
  switch (unit) {
    case NEWLINE:
      return 'text'
    case BEL:
    case CANCEL:
    case SUBSTITUTE:
    case STRING_TERMINATOR:
      return 'end'
    default:
      return 'string'
  }
}

function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u2028\u2029]/gu, '\n')
    .replace(TROUBLE, '')
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
