import type { Document } from 'yaml'
import { toError } from '../../../protocol/errors.ts'
import { editYaml } from '../../../store/edited-file.ts'
import type { FileListener } from '../../../store/edited-file.ts'
import { parseYaml } from '../../../store/yaml-file.ts'
import { BLANK_JOBS, changeOf } from '../jobs-file.ts'
import type { JobsEdit, JobsSource } from '../jobs-file.ts'
import { jobsSchema } from '../job.ts'
import type { Job } from '../job.ts'
import { LIST_KEY } from './job-record.ts'
import type { Entry, Session } from './session.ts'

export interface NatsJobListInit {
  /** What it is called where its faults are told. */
  name: string
  /** @throws {KithError} `jobs-unreachable` */
  session: () => Session
  /** Bytes of chance as text: no two writes have the same. */
  nonce: () => string
}

/**
 * The job list of several nodes: a jobs.yaml that stands on the servers, so that each node has the same, at the same
 * time as what its runs do.
 */
export class NatsJobList implements JobsSource {
  readonly #init: NatsJobListInit
  readonly #listeners = new Set<FileListener<Job[]>>()
  #text: string | undefined
  #found: { jobs: Job[] } | { fault: Error } | undefined

  constructor(init: NatsJobListInit) {
    this.#init = init
  }

  /** Why what stands there cannot be taken, if it cannot. */
  get fault(): Error | undefined {
    return this.#found !== undefined && 'fault' in this.#found ? this.#found.fault : undefined
  }

  /** Puts an empty list there where there is none. */
  async ensure(session: Session): Promise<void> {
    const entry = { key: LIST_KEY, text: BLANK_JOBS, revision: 0 }
    await session.put('jobs', entry, this.#init.nonce())
  }

  /** Takes what stands there now. */
  take(text: string): void {
    if (text === this.#text) return
    this.#text = text
    try {
      this.#found = { jobs: parseYaml(this.#init.name, text, jobsSchema).value }
    } catch (err) {
      this.#found = { fault: toError(err) }
    }
    for (const listener of this.#listeners) this.#tell(listener)
  }

  watch(listener: FileListener<Job[]>): Promise<() => Promise<void>> {
    this.#listeners.add(listener)
    this.#tell(listener)
    return Promise.resolve(() => {
      this.#listeners.delete(listener)
      return Promise.resolve()
    })
  }

  async edit(edit: JobsEdit): Promise<Job[]> {
    const { name, nonce, session } = this.#init
    for (;;) {
      const entry = await this.#entry()
      const { text, value } = editYaml(name, entry.text, jobsSchema, changeOf(edit))
      if (text === entry.text) return value
      // Another change came first: this one is made again on it.
      if ((await session().put('jobs', { ...entry, text }, nonce())) !== undefined) return value
    }
  }

  async document(): Promise<Document> {
    return parseYaml(this.#init.name, (await this.#entry()).text, jobsSchema).document
  }

  async #entry(): Promise<Entry> {
    const entry = await this.#init.session().get('jobs', LIST_KEY)
    return { key: LIST_KEY, text: entry?.text || BLANK_JOBS, revision: entry?.revision ?? 0 }
  }

  #tell({ onChange, onInvalid }: FileListener<Job[]>): void {
    if (this.#found === undefined) return
    if ('fault' in this.#found) onInvalid(this.#found.fault)
    else onChange(this.#found.jobs)
  }
}
