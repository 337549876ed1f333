import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { generationsOf, LOG_SOURCES, linesBackward, openIfThere } from './log-files.ts'
import type { LogSource } from './log-files.ts'
import { readLogLine } from './log-line.ts'
import type { LogLine } from './log-line.ts'

/** A log to be read: which, of which profile, and the folder that has it. */
export interface LogPlace {
  folder: string
  source: LogSource
  profile?: string
}

/** Up to where a file was read: whoever follows it goes on there. */
export interface LogPosition extends LogPlace {
  path: string
  /** Number of the file on its disk; 0 when there was none. */
  ino: number
  bytes: number
}

export interface RecentLines {
  /** By time, the oldest first. */
  lines: LogLine[]
  positions: LogPosition[]
}

/** The last `count` lines of these logs together, none before `since`. Files are read from their ends. */
export async function recentLines(
  places: readonly LogPlace[],
  { count, since = 0 }: { count: number; since?: number },
): Promise<RecentLines> {
  const opened = await Promise.all(places.map(openLog))
  try {
    const heads: Head[] = []
    for (const { files, place } of opened) await advance(heads, backward(place, files))
    const newestFirst: LogLine[] = []
    while (newestFirst.length < count) {
      const newest = heads.reduce<Head | undefined>(
        (best, head) => (best === undefined || head.line.at > best.line.at ? head : best),
        undefined,
      )
      if (newest === undefined || newest.line.at < since) break
      newestFirst.push(newest.line)
      heads.splice(heads.indexOf(newest), 1)
      await advance(heads, newest.lines)
    }
    return { lines: newestFirst.reverse(), positions: opened.map(({ position }) => position) }
  } finally {
    await Promise.all(opened.flatMap(({ files }) => files.map(({ file }) => file.close())))
  }
}

interface Head {
  line: LogLine
  lines: AsyncGenerator<LogLine>
}

async function advance(heads: Head[], lines: AsyncGenerator<LogLine>): Promise<void> {
  const next = await lines.next()
  if (next.done !== true) heads.push({ line: next.value, lines })
}

interface OpenFile {
  file: FileHandle
  ino: number
  bytes: number
}

/** All files of a log, open, so that one that is renamed meanwhile is read all the same, and once. */
async function openLog(
  place: LogPlace,
): Promise<{ place: LogPlace; files: OpenFile[]; position: LogPosition }> {
  const name = LOG_SOURCES[place.source]
  const files: OpenFile[] = []
  for (const path of await generationsOf(place.folder, name)) {
    const file = await openIfThere(path)
    if (file === undefined) continue
    const { ino, size: bytes } = await file.stat()
    if (files.some((other) => other.ino === ino)) await file.close()
    else files.push({ file, ino, bytes })
  }
  const path = join(place.folder, name)
  const [{ bytes, ino } = { bytes: 0, ino: 0 }] = files
  return { place, files, position: { ...place, path, ino, bytes } }
}

async function* backward(
  { profile, source }: LogPlace,
  files: readonly OpenFile[],
): AsyncGenerator<LogLine> {
  // Those without a time of their own wait for the one before them, which has it.
  let waiting: string[] = []
  for (const { bytes, file } of files) {
    for await (const text of linesBackward(file, bytes)) {
      if (text === '') continue
      const line = readLogLine(source, text, -1, profile)
      if (line.at === -1) {
        waiting.push(text)
        if (waiting.length < MAX_TIMELESS) continue
      }
      const at = Math.max(0, line.at)
      for (const late of waiting) yield readLogLine(source, late, at, profile)
      waiting = []
      if (line.at !== -1) yield line
    }
  }
  for (const late of waiting) yield readLogLine(source, late, 0, profile)
}

/** Lines in a row without a time that are held. */
const MAX_TIMELESS = 1_000
