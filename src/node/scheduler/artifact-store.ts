import { KithError } from '../../protocol/errors.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { artifactSchema, madeSchema } from './artifact.ts'
import type { Artifact, MadeOf, REVIEW_STATES } from './artifact.ts'
import { RESULT_CAPS, overResultCap } from './artifact-retention.ts'
import type { KeptResult } from './artifact-retention.ts'

/** Which artifacts; all that is given has to fit. */
export interface ArtifactQuery {
  job?: string
  review?: (typeof REVIEW_STATES)[number]
  /** Goes on after this one: the cursor of the page before. */
  cursor?: string
}

export interface ArtifactPage {
  /** Newest first. */
  artifacts: Artifact[]
  /** For the next page; undefined on the last one. */
  cursor: string | undefined
}

/** How many are kept of one kind, and how much that is. */
export interface ArtifactTotal {
  count: number
  bytes: number
}

/** Those that are removed in one batch: few enough that other writes need not wait long behind it. */
const PRUNE_ARTIFACTS = 200

/**
 * Keeps what runs have made, each under the id of its run, with the texts that its hashes are of beside it. In the
 * store and not in files: so the end of a run and its result are in one batch, and a backup has both or neither.
 */
export class ArtifactStore {
  readonly #database: Database
  readonly #rows: Repository<Artifact>
  readonly #made: Repository<MadeOf>

  constructor(database: Database) {
    this.#database = database
    this.#rows = new Repository(database, 'artifacts', artifactSchema)
    this.#made = new Repository(database, 'artifacts-made', madeSchema)
  }

  /** The changes that store a new one with what it is of, for `Database.write`. */
  add(artifact: Artifact, { content, context, prompt }: MadeOf): Operation[] {
    return [this.put(artifact), this.#made.put(artifact.run, { content, context, prompt })]
  }

  /** The change that stores one whose texts stay as they are. */
  put(artifact: Artifact): Operation {
    return this.#rows.put(artifact.run, artifact)
  }

  async get(run: string): Promise<Artifact | undefined> {
    return await this.#rows.get(run)
  }

  /** What one is of. */
  async made(run: string): Promise<MadeOf | undefined> {
    return await this.#made.get(run)
  }

  /** @throws {KithError} `unknown-artifact` */
  async find(run: string): Promise<Artifact> {
    const artifact = await this.get(run)
    if (artifact !== undefined) return artifact
    const hint = { hint: 'kith artifacts list' }
    throw new KithError('unknown-artifact', `no result of ${run} is kept`, { artifact: run }, hint)
  }

  /** The newest `limit` that fit. A cursor stays good while others are added and removed. */
  async list({ cursor, job, review }: ArtifactQuery, limit: number): Promise<ArtifactPage> {
    const artifacts: Artifact[] = []
    const range = { reverse: true, ...(cursor === undefined ? {} : { lt: cursor }) }
    for await (const artifact of this.#rows.values(range)) {
      if (job !== undefined && artifact.job !== job) continue
      if (review !== undefined && artifact.review !== review) continue
      // One more than wanted tells whether there is a next page.
      if (artifacts.length === limit) return { artifacts, cursor: artifacts.at(-1)?.run }
      artifacts.push(artifact)
    }
    return { artifacts, cursor: undefined }
  }

  /** How many there are that nobody has looked at, and how many of the rest. */
  async totals(): Promise<Record<'unreviewed' | 'reviewed', ArtifactTotal>> {
    const totals = { unreviewed: { count: 0, bytes: 0 }, reviewed: { count: 0, bytes: 0 } }
    for await (const artifact of this.#rows.values()) {
      const total = totals[artifact.review === 'unreviewed' ? 'unreviewed' : 'reviewed']
      total.count++
      total.bytes += bytesOf(artifact)
    }
    return totals
  }

  /**
   * Removes what is over the caps, but nothing that `isAwaited`. Resolves with those of them that nobody had looked
   * at: their owner is to be told.
   */
  async prune(
    now: number,
    isAwaited: (run: string) => boolean,
    caps: typeof RESULT_CAPS = RESULT_CAPS,
  ): Promise<Artifact[]> {
    const kept: (KeptResult & { artifact: Artifact })[] = []
    for await (const artifact of this.#rows.values({ reverse: true })) {
      const { job, madeAt, review, run } = artifact
      const looked = review === 'unreviewed' ? 'unreviewed' : 'reviewed'
      const standing = isAwaited(run) ? 'awaited' : looked
      kept.push({ run, job, madeAt, bytes: bytesOf(artifact), standing, artifact })
    }
    const gone = overResultCap(kept, now, caps)
    for (let from = 0; from < gone.length; from += PRUNE_ARTIFACTS) {
      const operations = gone
        .slice(from, from + PRUNE_ARTIFACTS)
        .flatMap(({ run }) => [this.#rows.del(run), this.#made.del(run)])
      await this.#database.write(operations, { durable: false })
    }
    return gone.flatMap(({ artifact, standing }) => (standing === 'unreviewed' ? artifact : []))
  }
}

function bytesOf({ inputBytes, sizeBytes }: Artifact): number {
  return inputBytes + sizeBytes
}
