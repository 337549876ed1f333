import type { Dir } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { KithError, isFailure } from '../protocol/errors.ts'
import { MAX_DEPTH, PathGuard, denied, isWithheld, replaceFile } from './path-guard.ts'
import type { OpenFolder } from './path-guard.ts'
import { readRegularFile, systemCode } from './read-file.ts'
import { hasAllWords } from './words.ts'

/** Largest file that is given out whole. */
export const MAX_READ_BYTES = 65_536

/** Largest file that is written. It can be read again. */
export const MAX_WRITTEN_BYTES = 65_536

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

/** The text files below one folder, as `PathGuard` opens them: what is given out is what the owner put there. */
export class Workspace {
  readonly #guard: PathGuard
  #lastWrite: Promise<void> = Promise.resolve()

  constructor(root: string) {
    this.#guard = new PathGuard(root)
  }

  /** The files, those in the upper folders first where there are too many. Empty without a workspace. */
  async list(signal: AbortSignal): Promise<Listing> {
    const listing: Listing = { paths: [], complete: true }
    const folders = ['']
    const seen = { entries: 0, tooDeep: false }
    for (const folder of folders) {
      const opened = await this.#folder(folder)
      if (opened === undefined) continue
      try {
        await addEntries(opened, folder, { folders, listing, seen }, signal)
      } finally {
        await opened.close()
      }
      if (!listing.complete) break
    }
    if (seen.tooDeep) listing.complete = false
    listing.paths.sort()
    return listing
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

  /**
   * Writes the file at `path`, in the place of one that is there, and makes its folders. On disk when this resolves.
   *
   * @throws {KithError} `denied` as `read`; `too-large` above `MAX_WRITTEN_BYTES`
   */
  async write(path: string, text: string): Promise<void> {
    await this.#inTurn(() => this.#replace(path, text))
  }

  /**
   * Puts `after` in the place of `before`, which has to stand once in the file at `path`.
   *
   * @throws {KithError} as `read` and `write`; `bad-request` where `before` stands nowhere, or more than once
   */
  async edit(path: string, before: string, after: string): Promise<void> {
    await this.#inTurn(async () => {
      const [head, tail, ...more] = (await this.read(path)).split(before)
      if (head === undefined || tail === undefined || more.length > 0) {
        const what = tail === undefined ? 'stands nowhere in it' : 'stands in it more than once'
        throw new KithError('bad-request', `${path}: what is to be replaced ${what}`, { what })
      }
      await this.#replace(path, `${head}${after}${tail}`)
    })
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
    return this.#at(path, 'fail', ({ folder, name }) =>
      readRegularFile(`${folder.path}/${name}`, limitBytes, path),
    )
  }

  async #replace(path: string, text: string): Promise<void> {
    const bytes = Buffer.from(text)
    if (bytes.length > MAX_WRITTEN_BYTES) {
      const details = { bytes: bytes.length, limitBytes: MAX_WRITTEN_BYTES }
      throw new KithError('too-large', `a file has at most ${MAX_WRITTEN_BYTES} bytes`, details)
    }
    await this.#at(path, 'make', ({ folder, name }) => replaceFile(folder, name, bytes))
  }

  /** What `act` makes of the place that `path` names. */
  async #at<T>(
    path: string,
    missing: 'fail' | 'make',
    act: (place: { folder: OpenFolder; name: string }) => Promise<T>,
  ): Promise<T> {
    try {
      const place = await this.#guard.parentOf(path, missing)
      try {
        return await act(place)
      } finally {
        await place.folder.close()
      }
    } catch (err) {
      throw refusalOf(err, path)
    }
  }

  /** One after the other, so that no edit is lost to another. */
  async #inTurn(act: () => Promise<void>): Promise<void> {
    const acted = this.#lastWrite.then(act)
    this.#lastWrite = acted.catch(() => undefined)
    await acted
  }

  /** The folder, opened, or undefined if it is gone, closed to us or a link by now. */
  async #folder(path: string): Promise<OpenFolder | undefined> {
    try {
      return await this.#guard.folder(path === '' ? [] : path.split('/'))
    } catch (err) {
      if (isFailure(err, 'denied')) return undefined
      if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(systemCode(err) ?? '')) return undefined
      throw err
    }
  }
}

interface ListingUnderWay {
  listing: Listing
  /** Paths of the folders that are still to be looked at. */
  folders: string[]
  seen: { entries: number; tooDeep: boolean }
}

/** Adds what is in one folder, until there is too much. */
async function addEntries(
  opened: OpenFolder,
  folder: string,
  { folders, listing, seen }: ListingUnderWay,
  signal: AbortSignal,
): Promise<void> {
  const dir: Dir = await opendir(opened.path)
  for await (const entry of dir) {
    signal.throwIfAborted()
    if (listing.paths.length === MAX_LISTED_FILES || seen.entries === MAX_LISTED_ENTRIES) {
      listing.complete = false
      return
    }
    seen.entries++
    if (isWithheld(entry.name)) continue
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory() && path.split('/').length === MAX_DEPTH) seen.tooDeep = true
    else if (entry.isDirectory()) folders.push(path)
    if (entry.isFile()) listing.paths.push(path)
  }
}

/** What an asker may know of an error in reading or writing a file. */
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

/** The text in `bytes`, or undefined if they are none: not UTF-8, or with a zero byte. */
function decodeText(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
