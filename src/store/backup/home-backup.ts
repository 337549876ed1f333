import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, open, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KithError } from '../../protocol/errors.ts'
import { errnoOf, syncFolder } from '../atomic-file.ts'
import type { Database, Snapshot } from '../database.ts'
import { FileChanged, writeArchive } from './archive-writer.ts'
import { compress } from './compression.ts'
import { isOfIdentity, listHomeFiles, STORE_ROWS } from './home-files.ts'
import type { HomeFile } from './home-files.ts'
import { BACKUP_VERSION } from './manifest.ts'
import type { BackupFile, Manifest } from './manifest.ts'
import { seal } from './seal.ts'
import type { Lock } from './seal.ts'
import { dumpRows } from './store-rows.ts'

/** So often a backup begins anew when a file changes while it is read. */
const ATTEMPTS = 3

const OWNER_MAY_RUN = 0o100n

export interface BackupInit {
  /** The home's folder. */
  home: string
  /** The store of that home, open. It goes on being written. */
  database: Database
  /** Whose home this is, by the content of its `identity.json`. */
  describe: (identity: Uint8Array) => Pick<Manifest, 'node' | 'keyLog'>
  software: string
  now: () => number
  /** Where the backup goes. Nothing may be there. */
  to: string
  lock: Lock
}

export interface BackupReport {
  manifest: Manifest
  /** Length of the sealed file. */
  bytes: number
  /** What is in the home and not in the backup: links, sockets, names that not every system takes, and strangers. */
  leftOut: string[]
}

/**
 * Writes a home into one sealed file, mode 0600, while its node runs. Nothing of it lies anywhere in the clear: what the
 * manifest must say of each file is found by reading it once before. A key that lies unsealed in the home is sealed in
 * the backup, as all of it is.
 *
 * @throws {KithError} `exists`; `no-identity` for a home without a node; `invalid-file` for a file that changes all the
 *   time; `usage`, `passphrase` as `seal`
 */
export async function createBackup(init: BackupInit): Promise<BackupReport> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptBackup(init)
    } catch (err) {
      if (!(err instanceof FileChanged)) throw err
      if (attempt < ATTEMPTS) continue
      const path = join(init.home, err.file)
      const hint = 'try again when nothing writes to it'
      throw new KithError('invalid-file', err.message, { path }, { cause: err, hint })
    }
  }
}

async function attemptBackup(init: BackupInit): Promise<BackupReport> {
  const { database, home, lock, to } = init
  const snapshot = database.snapshot()
  try {
    const at = init.now()
    const listed = await listHomeFiles(home)
    const files = new Map(listed.files.map((file) => [file.name, file]))
    const manifest = await announce(init, at, listed.files, snapshot)
    async function* archive(): AsyncGenerator<Uint8Array> {
      yield* writeArchive(manifest, ({ name }) => {
        const file = files.get(name)
        return file === undefined ? dumpRows(database, snapshot) : contentOf(file)
      })
      await assertSameIdentity(home, listed.files)
    }
    const bytes = await writeSealed(to, seal(compress(archive()), lock))
    return { manifest, bytes, leftOut: listed.leftOut }
  } finally {
    await snapshot.close()
  }
}

async function announce(
  { database, describe, home, software }: BackupInit,
  at: number,
  listed: readonly HomeFile[],
  snapshot: Snapshot,
): Promise<Manifest> {
  const files: BackupFile[] = []
  let identity: Uint8Array | undefined
  for (const file of listed) {
    const { name, stats } = file
    const executable = (stats.mode & OWNER_MAY_RUN) !== 0n
    const digest = await digestOf(contentOf(file))
    files.push({ name, ...digest, ...(executable ? { executable } : {}) })
    if (name === 'identity.json') identity = await bytesOf(contentOf(file))
  }
  if (identity === undefined) {
    const message = `there is no node in ${home}`
    throw new KithError('no-identity', message, { home }, { hint: 'kith init' })
  }
  files.push({ name: STORE_ROWS, ...(await digestOf(dumpRows(database, snapshot))) })
  const about = { format: 'kith-backup', version: BACKUP_VERSION, software, at } as const
  return { ...about, ...describe(identity), files }
}

/** A rotation writes several files, one after the other: half of it is not taken. */
async function assertSameIdentity(home: string, before: readonly HomeFile[]): Promise<void> {
  const { files } = await listHomeFiles(home)
  const now = new Map(files.map((file) => [file.name, file]))
  for (const { name } of files) {
    const isNew = isOfIdentity(name) && !before.some((file) => file.name === name)
    if (isNew) throw new FileChanged(name)
  }
  for (const { name, stats } of before.filter((file) => isOfIdentity(file.name))) {
    const { ctimeNs, ino } = now.get(name)?.stats ?? {}
    if (ctimeNs !== stats.ctimeNs || ino !== stats.ino) throw new FileChanged(name)
  }
}

async function* contentOf({ name, path }: HomeFile): AsyncGenerator<Uint8Array> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await open(path, flags).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT' || errnoOf(err) === 'ELOOP') throw new FileChanged(name)
    throw err
  })
  try {
    if (!(await handle.stat()).isFile()) throw new FileChanged(name)
    yield* handle.createReadStream({
      highWaterMark: 262_144,
      autoClose: false,
    }) as AsyncIterable<Uint8Array>
  } finally {
    await handle.close()
  }
}

async function digestOf(
  content: AsyncIterable<Uint8Array>,
): Promise<Pick<BackupFile, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of content) {
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Under a name of its own until it is whole and on disk. Returns its length in bytes. */
async function writeSealed(path: string, content: AsyncIterable<Uint8Array>): Promise<number> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(8).toString('hex')}`)
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    await handle.writeFile(content)
    const { size } = await handle.stat()
    await handle.sync()
    // A link, unlike a rename, fails when the name is taken.
    await link(temporary, path).catch((err: unknown) => {
      if (errnoOf(err) !== 'EEXIST') throw err
      throw new KithError('exists', `${path} is there already`, { what: path }, { cause: err })
    })
    await syncFolder(folder)
    return size
  } finally {
    await handle.close()
    await unlink(temporary)
  }
}
