import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { KithError } from '../protocol/errors.ts'
import { singleLine } from '../protocol/text.ts'
import { OWNER_NAME } from './ports.ts'
import { readRegularFile, systemCode } from './read-file.ts'
import { hasAllWords } from './words.ts'

/** Longest note and longest file, in bytes of UTF-8. */
export const MAX_NOTE_BYTES = 4_096
export const MAX_MEMORY_BYTES = 1_048_576

export interface Note {
  /** Time to the minute, such as `2026-11-21T08:00Z`. Absent in what a person wrote by hand. */
  at?: string
  /** Local name of who said it, `self` for the owner. */
  source: string
  text: string
}

/**
 * Notes in a Markdown file that a person can open and edit, one bullet each:
 * `- 2026-11-21T08:00Z [from nas] the backup disk is sdb`.
 *
 * A note of a peer keeps its name and is nothing more than what that peer said. It is one line, so it cannot pass
 * for a note of another; any line of another form was written by the owner.
 */
export class Memory {
  readonly #path: string
  #lastWrite: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Writes a note, which is on disk once this resolves. `now` is in ms since the epoch.
   *
   * @throws {KithError} `bad-request` for a text without a visible character; `too-large` for a note above
   *   `MAX_NOTE_BYTES`, or one that would take the file above `MAX_MEMORY_BYTES`.
   */
  async remember(text: string, source: string, now: number): Promise<void> {
    const line = singleLine(text, Infinity)
    assertFits(Buffer.byteLength(line), MAX_NOTE_BYTES, 'a note')
    if (line === '') {
      throw new KithError('bad-request', 'there is nothing to remember', { what: 'empty note' })
    }
    // One after the other, so that two notes cannot both take the last of the room.
    const written = this.#lastWrite.then(() =>
      this.#append(`- ${utcMinute(now)} [from ${source}] ${line}\n`),
    )
    this.#lastWrite = written.catch(() => undefined)
    await written
  }

  /** The notes that hold all of `words`, the newest first. */
  async recall(words: readonly string[]): Promise<Note[]> {
    const notes = (await this.#read()).split(/\r?\n/u).map(noteOf)
    return notes
      .filter((note) => note !== undefined)
      .filter((note) => hasAllWords(note.text, words))
      .reverse()
  }

  async #read(): Promise<string> {
    try {
      return (await readRegularFile(this.#path, MAX_MEMORY_BYTES)).toString()
    } catch (err) {
      if (systemCode(err) === 'ENOENT') return ''
      throw err
    }
  }

  async #append(line: string): Promise<void> {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants
    const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK
    const handle = await open(this.#path, flags, 0o600)
    try {
      const { size } = await handle.stat()
      // Without it, a note would become the tail of a last line that a person left open, or a crash did.
      const bytes = Buffer.from((await endsOpen(handle, size)) ? `\n${line}` : line)
      assertFits(size + bytes.length, MAX_MEMORY_BYTES, 'the memory file')
      await handle.appendFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

/** `at` (ms since the epoch) to the minute, such as `2026-11-21T08:00Z`. */
export function utcMinute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)}Z`
}

function assertFits(bytes: number, limitBytes: number, what: string): void {
  if (bytes <= limitBytes) return
  throw new KithError('too-large', `${what} has at most ${limitBytes} bytes`, { bytes, limitBytes })
}

/** True if the last line of a file of `size` bytes has no newline. */
async function endsOpen(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer.toString() !== '\n'
}

/** The note in a line of the file, or undefined for a heading or an empty line. */
function noteOf(line: string): Note | undefined {
  const [, at, source, text] =
    /^- (\d{4}-\d\d-\d\dT\d\d:\d\dZ) \[from ([^\]]+)\] (.*)$/u.exec(line) ?? []
  if (at !== undefined && source !== undefined && text !== undefined) return { at, source, text }
  const byHand = line.replace(/^[-*+] /u, '').trim()
  if (byHand === '' || byHand.startsWith('#')) return undefined
  return { source: OWNER_NAME, text: byHand }
}
