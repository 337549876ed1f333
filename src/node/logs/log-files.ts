import { constants, open, readdir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '../../store/atomic-file.ts'

/** What can be read, and the file in `logs/` that has it. Older lines are in `FILE.1` and so on. */
export const LOG_SOURCES = {
  service: 'service.log',
  agent: 'agent.log',
  approval: 'approval.log',
  runs: 'runs.log',
  compaction: 'compaction.log',
  audit: 'audit.log',
} as const
export type LogSource = keyof typeof LOG_SOURCES

/** A file is read from its end in pieces of this size. */
const CHUNK_BYTES = 65_536

/** A line that is longer is cut: what writes these files writes no such one. */
export const MAX_LINE_BYTES = 1_048_576

/** Paths of the file and of its forerunners in `folder`, the newest first. */
export async function generationsOf(folder: string, file: string): Promise<string[]> {
  const names = await readdir(folder).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT') return []
    throw err
  })
  const ages = names.flatMap((name) => {
    if (name === file) return [0]
    const age = name.startsWith(`${file}.`) ? name.slice(file.length + 1) : ''
    return /^[1-9]\d{0,2}$/.test(age) ? [Number(age)] : []
  })
  return ages.sort((a, b) => a - b).map((age) => join(folder, age === 0 ? file : `${file}.${age}`))
}

/**
 * The whole lines of the first `end` bytes of a file, the last one first. Reads no more of it than it takes: in pieces,
 * from there backward.
 */
export async function* linesBackward(file: FileHandle, end: number): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  let isEnd = true
  for (let at = end; at > 0;) {
    const size = Math.min(CHUNK_BYTES, at)
    at -= size
    const chunk = Buffer.alloc(size)
    const { bytesRead } = await file.read(chunk, 0, size, at)
    rest = Buffer.concat([chunk.subarray(0, bytesRead), rest])
    for (let newline = rest.lastIndexOf(0x0a); newline >= 0; newline = rest.lastIndexOf(0x0a)) {
      const line = rest.subarray(newline + 1)
      rest = rest.subarray(0, newline)
      // After the last line break is a line that is not whole yet, or nothing.
      if (isEnd) isEnd = false
      else yield line.toString()
    }
    if (rest.byteLength > MAX_LINE_BYTES) rest = rest.subarray(rest.byteLength - MAX_LINE_BYTES)
  }
  if (!isEnd) yield rest.toString()
}

/** The file at `path`, or undefined when there is none. What is no file, such as a pipe, is none, and not waited for. */
export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  const { O_NONBLOCK, O_RDONLY } = constants
  const file = await open(path, O_RDONLY | O_NONBLOCK).catch((err: unknown) => {
    // A socket cannot be opened (open(2)).
    if (errnoOf(err) === 'ENOENT' || errnoOf(err) === 'ENXIO') return undefined
    throw err
  })
  if (file === undefined || (await file.stat()).isFile()) return file
  await file.close()
  return undefined
}
