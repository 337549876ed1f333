import { randomUUID } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { KithError } from '../protocol/errors.ts'
import { systemCode } from './read-file.ts'

/** Where Linux shows the open files of a process: a path below an open folder is looked up from it, as openat(2) does. */
const OPEN_FILES = '/proc/self/fd'

/** Most names in a path. Each folder is opened from the root on: a tree of a thousand levels would take a minute. */
export const MAX_DEPTH = 32

const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600

/** A folder, held open. */
export interface OpenFolder {
  /** What is in it is at `${path}/${name}`, and stays there when another folder takes its place. */
  path: string
  close(): Promise<void>
}

/**
 * Opens what lies below one folder and nothing else: no link is followed, not even to a file within. Hidden files
 * and key files do not exist here.
 *
 * On Linux each step is taken from the folder that was opened before it, so that nobody who swaps a folder for a
 * link meanwhile can lead us out. Elsewhere such a swap can: it takes a program that runs as the owner, and could
 * read for itself.
 */
export class PathGuard {
  readonly #root: string
  readonly #byHandle: boolean

  constructor(root: string, byHandle = existsSync(OPEN_FILES)) {
    this.#root = root
    this.#byHandle = byHandle
  }

  /**
   * The folder that holds what `path` (relative, parted by `/`) names, and the name in it. The caller closes it.
   *
   * @throws {KithError} `denied` with rule `workspace` for a path that leads out, over a link, or to what is withheld;
   *   `bad-request` for one of more than `MAX_DEPTH` names
   * @throws what the system says, such as `ENOENT`
   */
  async parentOf(
    path: string,
    missing: 'fail' | 'make',
  ): Promise<{ folder: OpenFolder; name: string }> {
    const segments = segmentsOf(path)
    const name = segments.pop()
    if (name === undefined) {
      throw new KithError('bad-request', 'the workspace is no file', { what: 'not a file' })
    }
    return { folder: await this.folder(segments, missing), name }
  }

  /** The folder below the root that `segments` lead to. The caller closes it. @throws as `parentOf` */
  async folder(
    segments: readonly string[],
    missing: 'fail' | 'make' = 'fail',
  ): Promise<OpenFolder> {
    const { O_DIRECTORY, O_RDONLY } = constants
    let folder = this.#opened(await open(this.#root, O_RDONLY | O_DIRECTORY), this.#root)
    for (const segment of segments) {
      try {
        const path = `${folder.path}/${segment}`
        if (missing === 'make') await mkdir(path, PRIVATE_FOLDER).catch(unlessExists)
        const next = this.#opened(await openFolder(path), path)
        await folder.close()
        folder = next
      } catch (err) {
        await folder.close()
        throw err
      }
    }
    return folder
  }

  #opened(handle: FileHandle, path: string): OpenFolder {
    return {
      path: this.#byHandle ? `${OPEN_FILES}/${handle.fd}` : path,
      close: () => handle.close(),
    }
  }
}

/**
 * Puts a file with `bytes` in the place of `name`, in one step: another reader sees the old one or the new one. It
 * keeps the mode of the old one. On disk when this resolves.
 *
 * @throws {KithError} `denied` with rule `workspace` where there is a link, or anything but a file
 */
export async function replaceFile(
  folder: Pick<OpenFolder, 'path'>,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const path = `${folder.path}/${name}`
  const before = await lstat(path).catch(absent)
  if (before?.isFile() === false) throw denied(`${name} is a link, or no file`)
  const temporary = `${folder.path}/.kith-${randomUUID()}`
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE_FILE)
  try {
    try {
      await handle.writeFile(bytes)
      if (before !== undefined) await handle.chmod(before.mode & 0o777)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (err) {
    await unlink(temporary).catch(() => undefined)
    throw err
  }
  const parent = await open(folder.path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await parent.sync()
  } finally {
    await parent.close()
  }
}

/**
 * True for names that are never given out: hidden ones, `..` among them; keys, also with the dots and spaces that
 * Windows drops from the end; and what no file name is everywhere.
 */
export function isWithheld(name: string): boolean {
  return /^\.|^id_|\.(?:pem|key)[. ]*$|[\\\0]/iu.test(name)
}

/** The refusal of a path that leads where nobody is to go. */
export function denied(message: string): KithError<'denied'> {
  return new KithError('denied', message, { rule: 'workspace' })
}

/** @throws {KithError} `denied` for a path that could mean anything but something below the root; `bad-request` */
function segmentsOf(path: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (isAbsolute(path) || segments.some(isWithheld)) throw denied(`${path} is not open to anybody`)
  if (segments.length > MAX_DEPTH) {
    throw new KithError('bad-request', 'there is no path so long', { what: 'path too long' })
  }
  return segments
}

async function openFolder(path: string): Promise<FileHandle> {
  const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants
  try {
    return await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  } catch (err) {
    // Linux says of a link that it is no folder, others that it is a loop.
    const links =
      systemCode(err) === 'ENOTDIR' && (await lstat(path).catch(absent))?.isSymbolicLink()
    throw links === true ? denied('a link is in the way') : err
  }
}

function absent(err: unknown): Stats | undefined {
  if (systemCode(err) !== 'ENOENT') throw err
  return undefined
}

function unlessExists(err: unknown): void {
  if (systemCode(err) !== 'EEXIST') throw err
}
