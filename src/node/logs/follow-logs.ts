import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { generationsOf, LOG_SOURCES, MAX_LINE_BYTES, openIfThere } from './log-files.ts'
import { readLogLine } from './log-line.ts'
import type { LogLine } from './log-line.ts'
import type { LogPosition } from './recent-lines.ts'

/** Where nothing tells of a change, files are looked at so often. */
const LOOK_MS = 1_000

/** Two looks that see the same files under the same names: so many are tried. */
const MAX_LOOKS = 10

/** Read at once of a file, in bytes. */
const CHUNK_BYTES = 65_536

/** The lines that come after these positions, in groups by time, until `signal` aborts. Goes on where a log is rotated. */
export async function* followLogs(
  positions: readonly LogPosition[],
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const followed = positions.map((position) => new FollowedLog(position))
  const bell = new Bell(positions, signal)
  try {
    while (!signal.aborted) {
      const groups = await Promise.all(followed.map((log) => log.read()))
      const lines = groups.flat().sort((a, b) => a.at - b.at)
      if (lines.length > 0) yield lines
      await bell.next()
    }
  } finally {
    bell.close()
    await Promise.all(followed.map((log) => log.close()))
  }
}

/** Rings when something may have been written. */
class Bell {
  readonly #watchers: FSWatcher[] = []
  readonly #timer: NodeJS.Timeout
  #rung = Promise.withResolvers<undefined>()

  constructor(positions: readonly LogPosition[], signal: AbortSignal) {
    const ring = (): void => {
      this.#rung.resolve(undefined)
    }
    for (const folder of new Set(positions.map((position) => position.folder))) {
      try {
        const watcher = watch(folder, ring)
        // The timer looks all the same.
        watcher.on('error', () => undefined)
        this.#watchers.push(watcher)
      } catch {
        // There is no such folder yet, or the system has no watch left.
      }
    }
    this.#timer = setInterval(ring, LOOK_MS)
    signal.addEventListener('abort', ring, { once: true })
  }

  async next(): Promise<void> {
    await this.#rung.promise
    this.#rung = Promise.withResolvers<undefined>()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const watcher of this.#watchers) watcher.close()
  }
}

interface Generation {
  path: string
  ino: number
}

/** One log, read on from where it was, through its rotations. */
class FollowedLog {
  readonly #position: LogPosition
  /** Numbers of the files up to the one that is read. */
  readonly #past = new Set<number>()
  #file: FileHandle | undefined
  #ino: number
  #at: number
  #partial: Buffer = Buffer.alloc(0)
  #lastAt = Date.now()

  constructor(position: LogPosition) {
    this.#position = position
    this.#ino = position.ino
    this.#at = position.bytes
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }

  /** The whole lines that came since the last call. */
  async read(): Promise<LogLine[]> {
    const lines: LogLine[] = []
    for (;;) {
      const next = await this.#next()
      // After that look: where there is a next one, nothing more comes to this one.
      lines.push(...(await this.#rest()))
      if (next === undefined) return lines
      await this.#take(next)
    }
  }

  /** The file to go on with: that of the position at first, then the one after it; undefined while there is none. */
  async #next(): Promise<Generation | undefined> {
    const there = await this.#generations()
    const age = there.findIndex(({ ino }) => ino === this.#ino)
    if (age >= 0) {
      for (const { ino } of there.slice(age)) this.#past.add(ino)
      return this.#file === undefined ? there[age] : there[age - 1]
    }
    // What was read is gone; at the begin, only the newest is of interest.
    return this.#ino === 0 ? there[0] : there.findLast(({ ino }) => !this.#past.has(ino))
  }

  /** All of them, the newest first; none while they are being renamed: the next look sees them. */
  async #generations(): Promise<Generation[]> {
    let before: Generation[] | undefined
    for (let look = 0; look < MAX_LOOKS; look++) {
      const { folder, source } = this.#position
      const paths = await generationsOf(folder, LOG_SOURCES[source])
      const inos = await Promise.all(paths.map((path) => stat(path).then(({ ino }) => ino, noFile)))
      const now = paths.map((path, age) => ({ path, ino: inos[age] ?? 0 }))
      if (isDeepStrictEqual(before, now)) return now.filter(({ ino }) => ino !== 0)
      before = now
    }
    return []
  }

  /** Nothing is taken where the file was renamed meanwhile: the next look finds it. */
  async #take({ ino, path }: Generation): Promise<void> {
    const file = await openIfThere(path)
    if (file === undefined) return
    if ((await file.stat()).ino !== ino) {
      await file.close()
      return
    }
    await this.#file?.close()
    this.#file = file
    if (ino === this.#ino) return
    this.#ino = ino
    this.#at = 0
    this.#partial = Buffer.alloc(0)
  }

  async #rest(): Promise<LogLine[]> {
    const lines: LogLine[] = []
    const file = this.#file
    if (file === undefined) return lines
    // Somebody has emptied it.
    if ((await file.stat()).size < this.#at) this.#at = 0
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES)
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, this.#at)
      if (bytesRead === 0) return lines
      this.#at += bytesRead
      this.#partial = Buffer.concat([this.#partial, chunk.subarray(0, bytesRead)])
      lines.push(...this.#whole())
    }
  }

  #whole(): LogLine[] {
    const { profile, source } = this.#position
    const end = this.#partial.lastIndexOf(0x0a)
    if (end < 0) {
      this.#partial = this.#partial.subarray(-MAX_LINE_BYTES)
      return []
    }
    const texts = this.#partial.subarray(0, end).toString().split('\n')
    this.#partial = this.#partial.subarray(end + 1)
    return texts
      .filter((text) => text !== '')
      .map((text) => {
        const line = readLogLine(source, text, this.#lastAt, profile)
        this.#lastAt = line.at
        return line
      })
  }
}

function noFile(): number {
  return 0
}
