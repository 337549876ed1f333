import type { Logger } from 'pino'
import { LINK_VERSION_MAX, LINK_VERSION_MIN } from '../../protocol/limits.ts'
import { SOFTWARE } from '../../protocol/software.ts'
import { MAX_STATUS_NAMES } from '../../protocol/status.ts'
import type { StatusAudit, StatusEnd } from '../../protocol/status.ts'
import type { Clock } from '../clock.ts'

/** How often a node looks at itself. */
const AUDIT_INTERVAL_MS = 300_000

/** What was found longer ago says nothing of now: as if it had not been looked for. */
const AUDIT_STALE_MS = 3 * AUDIT_INTERVAL_MS

/** What others may be told of: words of ours, and the names of providers. No path, no reason and no peer fits. */
const NAME = /^[a-z0-9][a-z0-9 -]{0,62}$/

/** What a look at the own files, pins and addresses found. */
export interface SelfAudit {
  state: 'green' | 'incident'
  /** Names of the checks that found something. */
  findings: readonly string[]
}

export interface OwnStatusComponents {
  /** What changes from moment to moment. */
  now: () => Pick<StatusEnd, 'asks' | 'engine' | 'health'>
  /** Names of what is not as it should be. */
  notReady: () => readonly string[]
  selfAudit: () => Promise<SelfAudit>
  /** When the last backup was made, in ms since the epoch. */
  backupAt: () => number | undefined
  clock: Clock
  log: Logger
}

export interface OwnStatusInit {
  startedAt: number
  /** Whether to look at all. */
  audit: boolean
}

/** What this node tells of itself to a peer with the right to `status`: names and ages, and nothing of others. */
export class OwnStatus {
  readonly #components: OwnStatusComponents
  readonly #init: OwnStatusInit
  #audit: (SelfAudit & { at: number }) | undefined
  #looking: Promise<void> = Promise.resolve()
  #cancel: () => void = () => undefined

  constructor(components: OwnStatusComponents, init: OwnStatusInit) {
    this.#components = components
    this.#init = init
  }

  start(): void {
    if (!this.#init.audit) return
    this.#cancel = this.#components.clock.every(AUDIT_INTERVAL_MS, () => {
      void this.look()
    })
    void this.look()
  }

  /** Resolves when no look is under way. */
  async stop(): Promise<void> {
    this.#cancel()
    await this.#looking
  }

  /** Looks now. A look that breaks leaves what was found before, until it is too old. */
  async look(): Promise<void> {
    const { clock, log, selfAudit } = this.#components
    const looking = selfAudit().then(
      (found) => {
        this.#audit = { ...found, at: clock.now() }
      },
      (err: unknown) => {
        log.error({ err }, 'the self-audit could not be made')
      },
    )
    this.#looking = looking
    await looking
  }

  /** As it is now: nothing is waited for. */
  summary(): StatusEnd {
    const { backupAt, clock, notReady, now } = this.#components
    const at = clock.now()
    const madeAt = backupAt()
    const names = told(notReady())
    return {
      ...now(),
      software: SOFTWARE,
      uptimeMs: Math.max(0, at - this.#init.startedAt),
      versions: [LINK_VERSION_MIN, LINK_VERSION_MAX],
      at,
      audit: this.#standing(at),
      ...(names.length === 0 ? {} : { notReady: names }),
      ...(madeAt === undefined ? {} : { backupAgeMs: Math.max(0, at - madeAt) }),
    }
  }

  #standing(now: number): StatusAudit {
    const audit = this.#audit
    if (audit === undefined || now - audit.at > AUDIT_STALE_MS) return { state: 'not-audited' }
    const { at, findings, state } = audit
    const names = told(findings)
    return { state, at, ...(names.length === 0 ? {} : { findings: names }) }
  }
}

function told(names: readonly string[]): string[] {
  return [...new Set(names)].filter((name) => NAME.test(name)).slice(0, MAX_STATUS_NAMES)
}
