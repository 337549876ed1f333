import type { Logger } from 'pino'
import { SOFTWARE } from '../../protocol/software.ts'
import { buildOnDisk } from '../build-id.ts'
import { systemClock } from '../clock.ts'
import type { DaemonView } from '../control/handlers/daemon.ts'
import type { DaemonReport, ProfileReport } from '../control/routes/daemon.ts'
import type { ProfileInit } from '../open-profile.ts'
import { SupervisedPart } from '../supervisor/supervised-part.ts'
import type { DaemonRecord } from './daemon-record.ts'
import { ProfilePart } from './profile-part.ts'
import type { Profile } from './profiles.ts'
import type { Supervision } from './supervisor-of.ts'

export interface DaemonInit {
  record: DaemonRecord
  supervision: Supervision
  /** Those of this home as they are on disk now. */
  profiles: () => Promise<Profile[]>
  /** How a profile is opened; asked for anew at each of its starts. */
  init: (profile: Profile) => Promise<ProfileInit>
  /** Begins to stop. */
  stop: () => void
  log: Logger
}

interface Served {
  profile: Profile
  part: ProfilePart
  supervised: SupervisedPart
}

/** All profiles of a home in this process, each supervised apart: what one fails of is nothing to the others. */
export class Daemon implements DaemonView {
  readonly #init: DaemonInit
  readonly #served = new Map<string, Served>()
  readonly #build = buildOnDisk()
  #changing: Promise<void> = Promise.resolve()
  #readyAfterMs: number | undefined

  constructor(init: DaemonInit) {
    this.#init = init
  }

  /** Resolves once every profile runs or has failed. `begun` is when the process did, by `performance.now()`. */
  async start(begun: number): Promise<void> {
    await this.reload()
    this.#readyAfterMs = performance.now() - begun
  }

  /** Starts what is new or was stopped, and stops what is gone from the disk. */
  async reload(): Promise<void> {
    const changed = this.#changing.then(() => this.#follow())
    this.#changing = changed.catch(() => undefined)
    await changed
  }

  stop(): void {
    this.#init.stop()
  }

  /** Resolves when no profile runs. */
  async close(): Promise<void> {
    await this.#changing
    const { log } = this.#init
    await Promise.all(
      [...this.#served.values()].map(async (served) => {
        await end(served).catch((err: unknown) => {
          log.error({ profile: served.profile.name, err }, 'profile did not stop cleanly')
        })
      }),
    )
  }

  /** The longest that a profile may take to end what is under way, in ms. */
  get drainMs(): number {
    return Math.max(0, ...[...this.#served.values()].map(({ part }) => part.drainMs))
  }

  report(): DaemonReport {
    const { record, supervision } = this.#init
    const { pid, startedAt, token } = record
    const onDisk = buildOnDisk()
    return {
      ...{ pid, token, startedAt, software: SOFTWARE },
      ...(this.#build === undefined ? {} : { build: this.#build }),
      ...(onDisk === undefined ? {} : { buildOnDisk: onDisk }),
      ...supervision,
      ...(this.#readyAfterMs === undefined ? {} : { readyAfterMs: this.#readyAfterMs }),
      profiles: [...this.#served.values()].map(reportOf),
    }
  }

  async #follow(): Promise<void> {
    const { init, log, profiles } = this.#init
    const found = await profiles()
    const names = new Set(found.map(({ name }) => name))
    for (const [name, served] of this.#served) {
      if (names.has(name)) continue
      await end(served)
      this.#served.delete(name)
      log.info({ profile: name }, 'profile is gone')
    }
    await Promise.all(
      found.map(async (profile) => {
        const { name } = profile
        const known = this.#served.get(name)
        if (known !== undefined && known.supervised.state.state !== 'stopped') return
        const part = new ProfilePart(name, () => init(profile), this)
        const components = { clock: systemClock, random: Math.random, log }
        const supervised = new SupervisedPart(components, part)
        part.onTold = (by) => {
          log.info({ profile: name, by }, 'profile stops')
          void end({ profile, part, supervised })
        }
        this.#served.set(name, { profile, part, supervised })
        await supervised.start()
      }),
    )
  }
}

async function end({ supervised }: Served): Promise<void> {
  await supervised.drain(0)
  await supervised.stop()
}

function reportOf({ part, profile, supervised }: Served): ProfileReport {
  const { failure, nextTryAt, restarts, since, state } = supervised.state
  const node = part.node
  return {
    name: profile.name,
    home: profile.home.path,
    ...{ state, since, restarts },
    ...(failure === undefined ? {} : { failure }),
    ...(nextTryAt === undefined ? {} : { nextTryAt }),
    ...(node === undefined ? {} : { id: node.self.id, listening: node.mesh.addresses() }),
  }
}
