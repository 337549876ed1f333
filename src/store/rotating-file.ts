import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { KithError } from '../protocol/errors.ts'

export interface RotatingFileInit {
  path: string
  /** The file makes room for a new one before a line that would make it longer. */
  maxBytes: number
  /** Older files that are kept, as `PATH.1`, the newest of them, to `PATH.N`. */
  keep: number
}

/**
 * A file of lines that never grows past its limit. Each line is in it when `write` returns, so that the last one
 * before a crash can be read after it. A line longer than the limit gets a file of its own.
 */
export class RotatingFile {
  readonly #init: RotatingFileInit
  #fd: number | undefined
  #bytes = 0

  constructor(init: RotatingFileInit) {
    this.#init = init
  }

  /** Adds a line. `line` has no line break in it. @throws {KithError} `unsafe-file` for a link, and what the disk says */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    let fd = this.#fd ?? this.#open()
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#init.maxBytes) fd = this.#rotate(fd)
    let written = 0
    while (written < bytes.length) written += writeSync(fd, bytes, written)
    this.#bytes += bytes.length
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #open(): number {
    const { path } = this.#init
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants
    try {
      const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
      this.#fd = fd
      this.#bytes = fstatSync(fd).size
      return fd
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ELOOP') throw err
      const fix = `remove ${path}, which is a link`
      throw new KithError('unsafe-file', `${path} is a link`, { path, fix }, { cause: err })
    }
  }

  #rotate(fd: number): number {
    closeSync(fd)
    this.#fd = undefined
    const { keep, path } = this.#init
    for (let age = keep; age > 0; age--) {
      const from = age === 1 ? path : `${path}.${age - 1}`
      try {
        renameSync(from, `${path}.${age}`)
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err
      }
    }
    return this.#open()
  }
}
