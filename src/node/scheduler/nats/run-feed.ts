import type { Logger } from 'pino'
import { z } from 'zod'
import type { Database, Operation } from '../../../store/database.ts'
import { Repository } from '../../../store/repository.ts'
import { isEnded, runSchema } from '../run.ts'
import type { Run } from '../run.ts'
import type { Runs } from '../runs.ts'
import type { Entry, Session } from './session.ts'

const positionSchema = z.strictObject({
  /** Which making of the bucket: another one counts anew. */
  birth: z.string(),
  /** The last run that was taken. */
  revision: z.int().nonnegative(),
})

const POSITION_KEY = 'position'

export interface RunFeedComponents {
  database: Database
  runs: Runs
  log: Logger
}

/**
 * Brings the runs of all nodes to the store of this one, so that they are found and listed here as its own are, with
 * the servers away too. It goes on where it ended, after a restart too.
 */
export class RunFeed {
  readonly #components: RunFeedComponents
  readonly #positions: Repository<z.infer<typeof positionSchema>>
  #writing: Promise<void> = Promise.resolve()

  constructor(components: RunFeedComponents) {
    this.#components = components
    this.#positions = new Repository(components.database, 'shared-runs', positionSchema)
  }

  /** Stores runs that have not ended as they are now. */
  takeOpen(runs: readonly Run[]): void {
    void this.#then(async () => {
      const { database, runs: rows } = this.#components
      for (const run of runs) {
        // What has ended never changes, and one feed may be behind the other.
        const known = await rows.get(run.run)
        if (known !== undefined && isEnded(known)) continue
        await database.write(rows.put(run), { durable: false })
      }
    })
  }

  /** Stores a run that has ended here, with what it has made. On disk when this resolves. */
  async takeEnded(run: Run, rows: Operation[]): Promise<void> {
    const { database, runs } = this.#components
    await this.#then(async () => {
      await database.write([...runs.put(run), ...rows], { durable: true })
    })
  }

  /** Puts a run that has ended where all nodes find it, unless it is there. */
  async file(session: Session, run: Run): Promise<void> {
    const entry: Entry = { key: `${run.job}.${run.run}`, text: JSON.stringify(run), revision: 0 }
    await session.put('runs', entry)
  }

  /** Takes what has ended since it was looked last, and what ends from now on; `onEnd` is told of what is new here. */
  async follow(session: Session, onEnd: (run: Run) => void): Promise<void> {
    const birth = await session.birth('runs')
    const position = await this.#positions.get(POSITION_KEY)
    const from = position?.birth === birth ? position.revision + 1 : 0
    await session.watch('runs', from, (entry, live) => {
      void this.#then(async () => {
        await this.#take(entry, birth, live, onEnd)
      })
    })
  }

  /** Resolves when all that was taken is stored. */
  async settled(): Promise<void> {
    await this.#writing
  }

  async #take(
    { revision, text }: Entry,
    birth: string,
    live: boolean,
    onEnd: (run: Run) => void,
  ): Promise<void> {
    const { database, runs } = this.#components
    const run = runSchema.parse(JSON.parse(text))
    const known = await runs.get(run.run)
    const isNew = known === undefined || !isEnded(known)
    const position = this.#positions.put(POSITION_KEY, { birth, revision })
    await database.write([...(isNew ? runs.put(run) : []), position], { durable: false })
    // A node that joins has no news of years ago.
    if (isNew && (live || known !== undefined)) onEnd(run)
  }

  /** One after the other, in the order of the calls. */
  #then(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work)
    this.#writing = done.catch((err: unknown) => {
      this.#components.log.warn({ err }, 'a run could not be stored')
    })
    return done
  }
}
