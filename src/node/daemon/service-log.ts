import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { DestinationStream } from 'pino'
import { RotatingFile } from '../../store/rotating-file.ts'
import type { Profile } from './profiles.ts'

/** The log of a profile makes room for a new one at this size, and so many older ones are kept. */
const MAX_LOG_BYTES = 1_048_576
const KEPT_LOGS = 4

/** Where a node logs: to `logs/service.log` of its home, and to the output of its process. */
export class ServiceLogs {
  readonly #stdout: Writable
  readonly #files = new Map<string, RotatingFile>()

  constructor(stdout: Writable) {
    this.#stdout = stdout
  }

  /**
   * Where the node of this home logs; `name` is said in each line of the output, where several nodes share that. The
   * daemon writes to the file of the default profile, which shares its home: one file has one writer.
   */
  of({ home, name }: Pick<Profile, 'home'> & Partial<Profile>): DestinationStream {
    const path = join(home.logs, 'service.log')
    const file =
      this.#files.get(path) ?? new RotatingFile({ path, maxBytes: MAX_LOG_BYTES, keep: KEPT_LOGS })
    this.#files.set(path, file)
    return {
      write: (line) => {
        const shared = `{"profile":${JSON.stringify(name)},`
        this.#stdout.write(name === undefined ? line : line.replace('{', shared))
        try {
          file.write(line.trimEnd())
        } catch {
          // A disk that is full must not end what the line tells of.
        }
      },
    }
  }

  close(): void {
    for (const file of this.#files.values()) file.close()
  }
}
