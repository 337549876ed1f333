import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Document } from 'yaml'
import type { z } from 'zod'
import { isFailure, KithError } from '../protocol/errors.ts'
import { readPrivateFile, replacePrivateFile } from './atomic-file.ts'
import { parseYaml } from './yaml-file.ts'

export interface FileListener<T> {
  /** Called with what the file says at first, and after each change. */
  onChange: (value: T) => void
  /** Called once for each content that cannot be taken: the value of the last `onChange` is still good. */
  onInvalid: (err: Error) => void
}

/** The text of a file, and what it says. */
type Look<T> = { content: string } & ({ value: T } | { err: Error })

export interface EditedFileInit<T> {
  path: string
  schema: z.ZodType<T>
  /** What is changed where there is no file yet: its value is that of no file. */
  blank: string
}

/** Editors write in several steps: so long after the first sign of a change, in ms, the file is read. */
const SETTLE_MS = 100

/** Signs get lost (a full queue, a network file system, a folder made anew): so often, in ms, it is read anyway. */
const POLL_MS = 2_000

/** A file in YAML that its owner edits, and that we edit too. What it says is not kept here: each call reads it. */
export class EditedFile<T> {
  readonly #path: string
  readonly #schema: z.ZodType<T>
  readonly #blank: Uint8Array
  /** How often we have changed it. */
  #edits = 0

  constructor({ blank, path, schema }: EditedFileInit<T>) {
    this.#path = path
    this.#schema = schema
    this.#blank = Buffer.from(blank)
  }

  /**
   * What the file says.
   *
   * @throws {KithError} `invalid-file` with line and column; `unsafe-file` when others can write it.
   */
  async read(): Promise<T> {
    return (await this.#content()).value
  }

  /** All of the file, comments too, for those who show it. @throws {KithError} as `read` */
  async document(): Promise<Document> {
    return (await this.#content()).document
  }

  /**
   * Changes the file, made if there is none, and returns what it then says. Comments and order stay. A change that
   * somebody else makes meanwhile stays too: `change` is made again on it.
   *
   * @throws {KithError} `usage` for a value that the file may not have; as `read`, and what `change` throws
   */
  async edit(change: (document: Document) => void): Promise<T> {
    for (;;) {
      const before = await readPrivateFile(this.#path)
      const old = textOf(this.#path, before ?? this.#blank)
      const { text, value } = editYaml(this.#path, old, this.#schema, change)
      if (!(await replacePrivateFile(this.#path, before, Buffer.from(text)))) continue
      this.#edits++
      return value
    }
  }

  /**
   * Reports the file now and at each change, also when it is replaced, removed or made anew, until the returned
   * function is called; after that nothing is reported. What was read before an `edit` of this object is not reported
   * after it.
   */
  async watch({ onChange, onInvalid }: FileListener<T>): Promise<() => Promise<void>> {
    let stopped = false
    let seen: string | undefined
    let settling: NodeJS.Timeout | undefined
    let checking = Promise.resolve()

    const check = async (): Promise<void> => {
      let edits: number
      let found: Look<T>
      do {
        edits = this.#edits
        found = await this.#look()
      } while (edits !== this.#edits)
      if (stopped || found.content === seen) return
      seen = found.content
      if ('err' in found) onInvalid(found.err)
      else onChange(found.value)
    }
    // Not put off by further signs: a file that is written without end is still read ten times a second.
    const checkSoon = (): void => {
      settling ??= setTimeout(() => {
        settling = undefined
        checking = checking.then(check)
      }, SETTLE_MS)
    }

    const watcher = watchFolder(this.#path, checkSoon)
    const poll = setInterval(checkSoon, POLL_MS)
    await check()
    return async () => {
      stopped = true
      watcher?.close()
      clearInterval(poll)
      clearTimeout(settling)
      await checking
    }
  }

  async #content(): Promise<{ document: Document; value: T }> {
    return this.#parse((await readPrivateFile(this.#path)) ?? this.#blank)
  }

  /** What the file says, and the text that tells it from what it said before. */
  async #look(): Promise<Look<T>> {
    let content = 'unreadable'
    try {
      const bytes = await readPrivateFile(this.#path)
      content = bytes === undefined ? 'absent' : `text ${Buffer.from(bytes).toString('latin1')}`
      return { content, value: this.#parse(bytes ?? this.#blank).value }
    } catch (cause) {
      const err = cause instanceof Error ? cause : new Error('not read', { cause })
      return { content: `${content} ${err.message}`, err }
    }
  }

  #parse(bytes: Uint8Array): { document: Document; value: T } {
    return parseYaml(this.#path, textOf(this.#path, bytes), this.#schema)
  }
}

/**
 * A text in YAML after a change, comments and order kept, and what it then says. `path` is what its faults are told of.
 *
 * @throws {KithError} `invalid-file` for the text as it was; `usage` for a value that it may not have; and what
 *   `change` throws
 */
export function editYaml<T>(
  path: string,
  text: string,
  schema: z.ZodType<T>,
  change: (document: Document) => void,
): { text: string; value: T } {
  const { document } = parseYaml(path, text, schema)
  change(document)
  const after = document.toString({ lineWidth: 0, flowCollectionPadding: false })
  try {
    return { text: after, value: parseYaml(path, after, schema).value }
  } catch (err) {
    // No fault of what stands there, which is as before.
    if (!isFailure(err, 'invalid-file')) throw err
    const { line = 0, column = 0 } = err.details
    const what = err.message.replace(`${path}:${line}:${column}: `, '')
    throw new KithError('usage', `${path} cannot have this: ${what}`, { what }, { cause: err })
  }
}

/** The folder, because a watch on the file follows it when it is renamed away. */
function watchFolder(path: string, onSign: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(path), (_event, name) => {
      if (name === null || name === basename(path)) onSign()
    })
    return watcher.on('error', () => {
      watcher.close()
    })
  } catch {
    // No folder yet, or no watches left: the poll sees it, only later.
    return undefined
  }
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (err) {
    throw new KithError('invalid-file', `${path} is not UTF-8`, { path }, { cause: err })
  }
}
