import type { Dir } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { KithError, isFailure } from '../protocol/errors.ts'
import { readRegularFile, systemCode } from './read-file.ts'
import { hasAllWords } from './words.ts'

/** Largest file that is given out whole. */
export const MAX_READ_BYTES = 65_536

/** Larger files are not searched. */
export const MAX_SEARCHED_BYTES = 1_048_576

/** Most files in a listing, and most entries of folders that are looked at for one. */
export const MAX_LISTED_FILES = 2_000
export const MAX_LISTED_ENTRIES = 10_000

/** So many lines are searched before others get their turn, and an abort is seen. */
export const LINES_A_TURN = 4_096

export interface Listing {
  /** Relative to the workspace, parted by `/`, in order. */
  paths: string[]
  /** False if there is more than a listing takes. */
  complete: boolean
}

/** A line that was searched for. */
export interface Hit {
  path: string
  /** Counts from 1. */
  line: number
  text: string
}

/**
 * The text files below one folder. No link is followed, not even to a file within: what is given out is what the
 * owner put there. Hidden files and key files do not exist here.
 *
 * A local program that swaps a folder for a link while a file is being opened can still have us read beyond it;
 * it needs to run as the owner, and could read for itself.
 */
export class Workspace {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** The files, those in the upper folders first where there are too many. Empty without a workspace. */
  async list(signal: AbortSignal): Promise<Listing> {
    const paths: string[] = []
    const folders = ['']
    let entries = 0
    for (const folder of folders) {
      const dir = await openFolder(join(this.#root, folder))
      if (dir === undefined) continue
      for await (const entry of dir) {
        signal.throwIfAborted()
        const full = paths.length === MAX_LISTED_FILES || entries === MAX_LISTED_ENTRIES
        if (full) return { paths: paths.sort(), complete: false }
        entries++
        if (isWithheld(entry.name)) continue
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (entry.isDirectory()) folders.push(path)
        if (entry.isFile()) paths.push(path)
      }
    }
    return { paths: paths.sort(), complete: true }
  }

  /**
   * The text of the file at `path`, relative to the workspace.
   *
   * @throws {KithError} `denied` with rule `workspace` for a path that leads out, over a link, or to a file that is
   *   withheld; `bad-request` for no file or no text; `too-large` above `MAX_READ_BYTES`.
   */
  async read(path: string): Promise<string> {
    const text = decodeText(await this.#bytesOf(path, MAX_READ_BYTES))
    if (text === undefined) {
      throw new KithError('bad-request', `${path} is not a text file`, { what: 'not a text file' })
    }
    return text
  }

  /** The lines of the text files at `paths` that hold all of `words`. Files that cannot be read are left out. */
  async *search(
    paths: readonly string[],
    words: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<Hit> {
    for (const path of paths) {
      signal.throwIfAborted()
      const bytes = await this.#bytesOf(path, MAX_SEARCHED_BYTES).catch(absentIfRefused)
      const text = bytes === undefined ? undefined : decodeText(bytes)
      for (const [index, line] of (text ?? '').split('\n').entries()) {
        if (index % LINES_A_TURN === LINES_A_TURN - 1) {
          await turn()
          signal.throwIfAborted()
        }
        if (hasAllWords(line, words)) yield { path, line: index + 1, text: line }
      }
    }
  }

  async #bytesOf(path: string, limitBytes: number): Promise<Buffer> {
    const segments = segmentsOf(path)
    try {
      await this.#assertNoLinks(segments)
      return await readRegularFile(join(this.#root, ...segments), limitBytes)
    } catch (err) {
      throw refusalOf(err, path)
    }
  }

  async #assertNoLinks(segments: readonly string[]): Promise<void> {
    let path = this.#root
    for (const segment of segments) {
      path = join(path, segment)
      if ((await lstat(path)).isSymbolicLink()) throw denied(`${path} is a link`)
    }
  }
}

/** @throws {KithError} `denied` for a path that could mean anything but a file below the workspace. */
function segmentsOf(path: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (isAbsolute(path) || segments.some(isWithheld)) throw denied(`${path} is not to be read`)
  return segments
}

/**
 * True for names that are never given out: hidden ones, `..` among them; keys, also with the dots and spaces that
 * Windows drops from the end; and what no file name is everywhere.
 */
function isWithheld(name: string): boolean {
  return /^\.|^id_|\.(?:pem|key)[. ]*$|[\\\0]/iu.test(name)
}

/** The folder, opened, or undefined if it is gone or closed to us. */
async function openFolder(path: string): Promise<Dir | undefined> {
  try {
    return await opendir(path)
  } catch (err) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(systemCode(err) ?? '')) return undefined
    throw err
  }
}

/** What an asker may know of an error in reading a file. */
function refusalOf(err: unknown, path: string): unknown {
  switch (systemCode(err)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return new KithError('bad-request', `there is no ${path}`, { what: 'no such file' })
    case 'ELOOP':
    case 'EACCES':
    case 'EPERM':
      return denied(`${path} is a link, or closed to us`)
    default:
      return err
  }
}

function absentIfRefused(err: unknown): undefined {
  if (!isFailure(err)) throw err
}

function denied(message: string): KithError<'denied'> {
  return new KithError('denied', message, { rule: 'workspace' })
}

/** The text in `bytes`, or undefined if they are none: not UTF-8, or with a zero byte. */
function decodeText(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
