import { randomBytes } from 'node:crypto'
import { constants, readFileSync, renameSync, type Stats } from 'node:fs'
import { chmod, link, lstat, mkdir, open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KithError } from '../protocol/errors.ts'

export interface ReadPrivateOptions {
  /** Most bytes taken. @default 1_048_576 */
  maxBytes?: number
  /** Refuses a file that others can read, not only one that they can write. @default false */
  secret?: boolean
}

const READ_DEFAULTS: Required<ReadPrivateOptions> = { maxBytes: 1_048_576, secret: false }

/** A disk with FAT, as most that are carried about, has no links (link(2), EPERM): there an empty file takes the name first. */
const NO_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

const WRITABLE_BY_OTHERS = 0o022
const OPEN_TO_OTHERS = 0o077

/**
 * The bytes of the regular file at `path`, or undefined when there is none. What is checked is the
 * file that was opened, so that nobody can swap it after the check.
 *
 * @throws {KithError} `unsafe-file` for a link, a device, a file that is neither ours nor root's or
 *   that others can write; `invalid-file` for one that is too large.
 */
export async function readPrivateFile(
  path: string,
  options: ReadPrivateOptions = {},
): Promise<Uint8Array | undefined> {
  const { maxBytes, secret } = { ...READ_DEFAULTS, ...options }
  const handle = await openToRead(path)
  if (handle === undefined) return undefined
  try {
    const stats = await handle.stat()
    assertSafe(path, stats, secret)
    if (stats.size > maxBytes) {
      throw new KithError(
        'invalid-file',
        `${path} has ${stats.size} bytes; at most ${maxBytes} are taken`,
        { path },
      )
    }
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** Puts `bytes` at `path`, mode 0600, so that after a crash the file is the old or the new one, whole. */
export async function writePrivateFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeBeside(path, bytes, (temporary) => rename(temporary, path))
}

/**
 * Puts `bytes` at `path`, where nothing may be yet.
 *
 * @throws {KithError} `exists`
 */
export async function createPrivateFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeBeside(path, bytes, (temporary) => placeNew(temporary, path))
}

/**
 * Gives the file at `temporary` the name `path`, which nothing may have.
 *
 * @throws {KithError} `exists`
 */
export async function placeNew(temporary: string, path: string): Promise<void> {
  try {
    // A link, unlike a rename, fails when the name is taken; unlike O_EXCL, it never shows half a file.
    await link(temporary, path)
    await unlink(temporary)
  } catch (err) {
    if (errnoOf(err) === 'EEXIST') throw taken(path, err)
    if (!NO_LINKS.includes(errnoOf(err) ?? '')) throw err
    await open(path, 'wx', 0o600).then(
      (empty) => empty.close(),
      (reason: unknown) => {
        throw errnoOf(reason) === 'EEXIST' ? taken(path, reason) : reason
      },
    )
    await rename(temporary, path)
  }
}

function taken(path: string, cause: unknown): KithError<'exists'> {
  return new KithError('exists', `${path} is there already`, { what: path }, { cause })
}

/**
 * Puts `after` at `path` if what is there still is `before` (undefined: nothing). False, and nothing
 * done, if it is not.
 */
export async function replacePrivateFile(
  path: string,
  before: Uint8Array | undefined,
  after: Uint8Array,
): Promise<boolean> {
  return writeBeside(path, after, async (temporary) => {
    // In one stretch, so that of two edits in this process the later one sees the earlier one.
    if (!sameBytes(readIfThere(path), before)) {
      await unlink(temporary)
      return false
    }
    renameSync(temporary, path)
    return true
  })
}

/** Takes the file at `path` away, if there is one: after a crash it is there, whole, or not. */
export async function removePrivateFile(path: string): Promise<void> {
  if ((await statsIfThere(path)) === undefined) return
  await unlink(path)
  await syncFolder(dirname(path))
}

/**
 * Overwrites the file at `path` and takes it away, if there is one. Blocks that the disk has moved, and
 * snapshots, are out of reach.
 */
export async function erasePrivateFile(path: string): Promise<void> {
  const stats = await statsIfThere(path)
  if (stats?.isFile() === true) await overwrite(path, stats.size)
  await removePrivateFile(path)
}

/** Makes the folder at `path`, and those above it, if they are missing, and checks it. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await checkPrivateFolder(path)
}

/**
 * Resolves if `path` is a folder of ours that is closed to everybody else.
 *
 * @throws {KithError} `unsafe-file`
 */
export async function checkPrivateFolder(path: string): Promise<void> {
  const stats = await lstat(path)
  if (!stats.isDirectory()) throw unsafe(path, 'is no folder', `move ${path} away`)
  assertOwner(path, stats)
  if ((stats.mode & OPEN_TO_OTHERS) !== 0) {
    throw unsafe(path, 'is open to other users', `chmod 700 ${path}`)
  }
}

/**
 * Resolves if `path` is a regular file that is ours or root's and that others cannot write; one that is `secret`, not
 * read either.
 *
 * @throws {KithError} `unsafe-file`
 */
export async function checkPrivateFile(
  path: string,
  { secret }: { secret: boolean },
): Promise<void> {
  assertSafe(path, await lstat(path), secret)
}

async function openToRead(path: string): Promise<FileHandle | undefined> {
  try {
    // O_NONBLOCK: opening a FIFO would wait for a writer before we could refuse it.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (err) {
    switch (errnoOf(err)) {
      case 'ENOENT':
        return undefined
      case 'ELOOP':
        throw unsafe(path, 'is a link', `put the file itself at ${path}`)
      case 'EACCES':
        throw unsafe(
          path,
          'may not be read by us',
          `chown ${ownUser()} ${path} && chmod 600 ${path}`,
        )
      default:
        throw err
    }
  }
}

function assertSafe(path: string, stats: Stats, secret: boolean): void {
  if (!stats.isFile()) throw unsafe(path, 'is no regular file', `move ${path} away`)
  assertOwner(path, stats)
  if ((stats.mode & (secret ? OPEN_TO_OTHERS : WRITABLE_BY_OTHERS)) !== 0) {
    const what = secret ? 'is open to other users' : 'can be written by other users'
    throw unsafe(path, what, `chmod 600 ${path}`)
  }
}

function assertOwner(path: string, stats: Stats): void {
  const uid = process.geteuid?.()
  if (uid === undefined || stats.uid === uid || stats.uid === 0) return
  throw unsafe(path, `belongs to user ${stats.uid}`, `chown ${ownUser()} ${path}`)
}

function unsafe(path: string, what: string, fix: string): KithError<'unsafe-file'> {
  return new KithError('unsafe-file', `${path} ${what}`, { path, fix }, { hint: fix })
}

function ownUser(): string {
  return String(process.geteuid?.() ?? '$USER')
}

/** Writes `bytes` to a file of its own in the folder of `path`, on disk when `place` moves it there. */
async function writeBeside<T>(
  path: string,
  bytes: Uint8Array,
  place: (temporary: string) => Promise<T>,
): Promise<T> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(8).toString('hex')}`)
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
    await handle.close()
    const placed = await place(temporary)
    await syncFolder(folder)
    return placed
  } catch (err) {
    await handle.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw err
  }
}

async function overwrite(path: string, bytes: number): Promise<void> {
  await chmod(path, 0o600)
  const handle = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    await handle.writeFile(Buffer.alloc(bytes))
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Without this, the file is on disk and its name may not be (fsync(2), notes). */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function statsIfThere(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT') return undefined
    throw err
  })
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch (err) {
    if (errnoOf(err) === 'ENOENT') return undefined
    throw err
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(a, b) === 0
}

export function errnoOf(err: unknown): string | undefined {
  return err instanceof Error && 'code' in err && typeof err.code === 'string'
    ? err.code
    : undefined
}
