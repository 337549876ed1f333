import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { KithError } from '../../protocol/errors.ts'
import { FileChanged, writeArchive } from './archive-writer.ts'
import { eachBlock } from './blocks.ts'
import { compress } from './compression.ts'
import { contentOf, digestOf } from './file-content.ts'
import { isOfIdentity, isOfWorkspace, listHomeFiles, STORE_ROWS } from './home-files.ts'
import type { HomeFile } from './home-files.ts'
import { BACKUP_VERSION, totalBytes, UNSIGNED_VERSION } from './manifest.ts'
import type { BackupFile, Manifest } from './manifest.ts'
import { counted } from './progress.ts'
import type { OnProgress } from './progress.ts'
import { assertRoomFor } from './room.ts'
import { seal } from './seal.ts'
import type { Lock } from './seal.ts'

/** So much is read from the disk, or written to it, at once. */
const BLOCK_BYTES = 1_048_576

const OWNER_MAY_RUN = 0o100n

/** What is to be backed up, and how. */
export interface BackupTask {
  home: string
  software: string
  /** When the rows of the store were as they are, in ms since the epoch. */
  at: number
  /** Where the sealed file goes. Nothing is there. */
  to: string
  lock: Lock
  /** Whether its node signs it. */
  signed: boolean
  /** Names of files that are not taken, since they change all the time. */
  without: readonly string[]
}

/** What a node says of its manifest, which has this SHA-256. */
export type SignManifest<T> = (
  digest: Uint8Array,
  about: Pick<Manifest, 'node' | 'keyLog' | 'at'>,
) => T

/** What only the owner of the home's store can do. */
export interface BackupPorts {
  describe: (identity: Uint8Array) => Promise<Pick<Manifest, 'node' | 'keyLog'>>
  sign: SignManifest<Promise<Uint8Array>>
  /** The rows of the store: the same bytes each time. */
  rows: () => AsyncIterable<Uint8Array>
  onProgress: OnProgress
}

export interface BackupReport {
  manifest: Manifest
  /** Length of the sealed file, and its SHA-256 in hexadecimal as it was written. */
  bytes: number
  sha256: string
  /** What is in the home and not in the backup: links, sockets, names that not every system takes, and strangers. */
  leftOut: string[]
  /** Those of them that are not in it because they changed whenever they were read. */
  changing: string[]
}

/**
 * Writes a home into one sealed file, mode 0600, in a thread that has nothing else to do: it reads, hashes and
 * seals without letting anybody else in. Resolves when the file is on disk.
 *
 * @throws {FileChanged} when a file is not the same from one reading to the next
 * @throws {KithError} `no-identity`; `invalid-file` for what has no room; `usage`, `passphrase` as `seal`
 */
export async function makeBackup(task: BackupTask, ports: BackupPorts): Promise<BackupReport> {
  const { home, lock, to, without } = task
  const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  const listed = listHomeFiles(home)
  const taken = listed.files.filter(({ name }) => !without.includes(name))
  const files = new Map(taken.map((file) => [file.name, file]))
  assertRoomFor(
    home,
    taken.map(({ name, stats }) => ({ name, bytes: Number(stats.size) })),
  )
  const manifest = await announce(task, taken, ports, buffer)
  const sign = (digest: Uint8Array): Promise<Uint8Array> => ports.sign(digest, manifest)
  async function* archive(): AsyncGenerator<Uint8Array> {
    const content = ({
      bytes,
      name,
    }: BackupFile): AsyncIterable<Uint8Array> | Iterable<Uint8Array> => {
      const file = files.get(name)
      return file === undefined ? ports.rows() : contentOf(file, buffer, bytes)
    }
    const contents = writeArchive(manifest, content, sign)
    yield* counted(contents, totalBytes(manifest), ports.onProgress, undefined)
    assertSameIdentity(home, taken)
  }
  const sealed = await write(to, seal(compress(archive()), lock))
  const leftOut = [...listed.leftOut, ...without]
  return { manifest, ...sealed, leftOut, changing: [...without] }
}

async function announce(
  { at, home, signed, software }: BackupTask,
  listed: readonly HomeFile[],
  { describe, rows }: BackupPorts,
  buffer: Buffer,
): Promise<Manifest> {
  const files: BackupFile[] = []
  let identity: Uint8Array | undefined
  for (const file of listed) {
    const { name, stats } = file
    const executable = (stats.mode & OWNER_MAY_RUN) !== 0n
    const digest = await digestOf(contentOf(file, buffer)).catch(ifGone)
    if (digest === undefined) continue
    files.push({ name, ...digest, ...(executable ? { executable } : {}) })
    if (name === 'identity.json') identity = bytesOf(contentOf(file, buffer))
  }
  if (identity === undefined) {
    const message = `there is no node in ${home}`
    throw new KithError('no-identity', message, { home }, { hint: 'kith init' })
  }
  const described = await describe(identity)
  files.push({ name: STORE_ROWS, ...(await digestOf(rows())) })
  const version = signed ? BACKUP_VERSION : UNSIGNED_VERSION
  const about = { format: 'kith-backup', version, software, at } as const
  assertRoomFor(home, files)
  return { ...about, ...described, files }
}

/** Programs make files in the workspace and remove them: one that is gone before it is announced never was. */
function ifGone(err: unknown): undefined {
  if (!(err instanceof FileChanged && isOfWorkspace(err.file))) throw err
}

/** A rotation writes several files, one after the other: half of it is not taken. */
function assertSameIdentity(home: string, before: readonly HomeFile[]): void {
  const { files } = listHomeFiles(home)
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

function bytesOf(content: Iterable<Uint8Array>): Uint8Array {
  return Buffer.concat(Array.from(content, (piece) => Buffer.from(piece)))
}

async function write(
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<Pick<BackupReport, 'bytes' | 'sha256'>> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    await eachBlock(content, BLOCK_BYTES, async (block) => {
      hash.update(block)
      bytes += block.byteLength
      await handle.writeFile(block)
    })
    await handle.sync()
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    await handle.close()
  }
}
