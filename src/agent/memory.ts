import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { KithError } from '../protocol/errors.ts'
import { singleLine } from '../protocol/text.ts'
import { replaceFile } from './path-guard.ts'
import { OWNER_NAME } from './ports.ts'
import { readRegularFile, systemCode } from './read-file.ts'
import { hasAllWords } from './words.ts'

/** Longest note and longest file, in bytes of UTF-8. */
export const MAX_NOTE_BYTES = 4_096
export const MAX_MEMORY_BYTES = 1_048_576

/** Most notes of one peer, in bytes of their lines: one alone must not take the room of all. */
export const MAX_SOURCE_BYTES = 131_072

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
   *   `MAX_NOTE_BYTES`, and one that would take the file above `MAX_MEMORY_BYTES`, or its source above `MAX_SOURCE_BYTES`.
   */
  async remember(text: string, source: string, now: number): Promise<void> {
    const line = singleLine(text, Infinity)
    assertFits(Buffer.byteLength(line), MAX_NOTE_BYTES, 'a note')
    if (line === '') {
      throw new KithError('bad-request', 'there is nothing to remember', { what: 'empty note' })
    }
    const written = `- ${utcMinute(now)} [from ${source}] ${line}\n`
    await this.#inTurn(async () => {
      if (source !== OWNER_NAME) await this.#assertRoom(source, written)
      await this.#append(written)
    })
  }

  /**
   * Takes out what `source` said, and returns how many notes that were. What a person wrote by hand stays, also for
   * the owner's name. On disk when this resolves.
   */
  async forget(source: string): Promise<number> {
    let forgotten = 0
    await this.#inTurn(async () => {
      const lines = (await this.#read()).split(/(?<=\n)/u)
      const kept = lines.filter((line) => writtenNote(line.trimEnd())?.source !== source)
      forgotten = lines.length - kept.length
      if (forgotten === 0) return
      const folder = { path: dirname(this.#path) }
      await replaceFile(folder, basename(this.#path), Buffer.from(kept.join('')))
    })
    return forgotten
  }

  /** The notes that hold all of `words`, the newest first. */
  async recall(words: readonly string[]): Promise<Note[]> {
    const notes = (await this.#read()).split(/\r?\n/u).map(noteOf)
    return notes
      .filter((note) => note !== undefined)
      .filter((note) => hasAllWords(note.text, words))
      .reverse()
  }

  /** One after the other: two notes cannot both take the last of the room, and none is lost to a rewrite. */
  async #inTurn(act: () => Promise<void>): Promise<void> {
    const acted = this.#lastWrite.then(act)
    this.#lastWrite = acted.catch(() => undefined)
    await acted
  }

  /** @throws {KithError} `too-large` */
  async #assertRoom(source: string, more: string): Promise<void> {
    const lines = (await this.#read()).split(/(?<=\n)/u)
    const own = lines.filter((line) => writtenNote(line.trimEnd())?.source === source)
    const bytes = Buffer.byteLength(own.join('')) + Buffer.byteLength(more)
    assertFits(bytes, MAX_SOURCE_BYTES, `what is remembered of ${source}`)
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
  const written = writtenNote(line)
  if (written !== undefined) return written
  const byHand = line.replace(/^[-*+] /u, '').trim()
  if (byHand === '' || byHand.startsWith('#')) return undefined
  return { source: OWNER_NAME, text: byHand }
}

/** The note in a line that `remember` wrote, or undefined for another. */
function writtenNote(line: string): Required<Note> | undefined {
  const [, at, source, text] =
    /^- (\d{4}-\d\d-\d\dT\d\d:\d\dZ) \[from ([^\]]+)\] (.*)$/u.exec(line) ?? []
  if (at === undefined || source === undefined || text === undefined) return undefined
  return { at, source, text }
}
