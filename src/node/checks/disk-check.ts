import { statfs } from 'node:fs/promises'
import { fail, ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'

const MIB = 1_048_576

/** A disk is nearly full when it is by its share and by its bytes: a small one, and a large one, fill differently. */
const LOW = { share: 0.1, bytes: 1_024 * MIB }
const EMPTY = { share: 0.02, bytes: 256 * MIB }

/** The same for its files: a disk that has no inode left takes no file, whatever its bytes. */
const LOW_FILES = 0.05
const EMPTY_FILES = 0.01

/** How much room the disk has that `home` is on. A store that cannot write stops all work. */
export async function diskFindings(home: string): Promise<Finding[]> {
  const { bavail, bsize, blocks, ffree, files } = await statfs(home)
  const [freeBytes, totalBytes] = [bavail * bsize, blocks * bsize]
  const details = { freeBytes, totalBytes, freeFiles: ffree, totalFiles: files }
  const free = `${Math.floor(freeBytes / MIB)} MiB free`
  const hint = `make room: df -h ${home}; du -xsh ${home}/*`
  const found: Finding[] = []
  if (isBelow(freeBytes, totalBytes, EMPTY)) {
    found.push(fail(`the disk of ${home} is full: ${free}`, hint, details))
  } else if (isBelow(freeBytes, totalBytes, LOW)) {
    found.push(warn(`the disk of ${home} is nearly full: ${free}`, hint, details))
  }
  // Some file systems make inodes as they are needed, and count none.
  if (files > 0 && ffree < files * LOW_FILES) {
    const what = `the disk of ${home} has room for ${ffree} more files only`
    const state = ffree < files * EMPTY_FILES ? fail : warn
    found.push(state(what, `remove small files that nobody needs: df -i ${home}`, details))
  }
  return found.length > 0 ? found : [ok(free, details)]
}

function isBelow(free: number, total: number, limit: typeof LOW): boolean {
  return free < limit.bytes && free < total * limit.share
}
