import type { Logger } from 'pino'
import type { Audit } from '../audit/audit.ts'
import type { AuditEvent } from '../audit/audit-entry.ts'
import type { Clock } from '../clock.ts'
import type { Self } from '../self.ts'
import { fileChanges } from './file-changes.ts'
import type { Change } from './file-changes.ts'
import { OWN_FILES } from './own-files.ts'
import type { OwnFiles } from './own-files.ts'
import type { State, States } from './states.ts'

/** The files are looked at so often, besides when somebody says that one has changed. */
const LOOK_MS = 30_000

/** Changes that become entries of their own; the rest are counted in one. */
const MAX_ENTRIES = 50

export interface ChangeWatchComponents {
  audit: Pick<Audit, 'record'>
  clock: Clock
  log: Logger
  /** Tells when the pins have changed. */
  pins: { onChange: (listener: () => void) => () => void }
  /** The files as they are now; what cannot be read just now is as `before`. */
  readFiles: (before: OwnFiles) => Promise<OwnFiles>
  self: Pick<Self, 'state'>
  states: Pick<States, 'keep' | 'last'>
}

/** Keeps how the node is set up whenever that has changed, and has the audit log tell of it, also of what changed while it was off. */
export class ChangeWatch {
  readonly #components: ChangeWatchComponents
  #last: State | undefined
  #looking: Promise<void> = Promise.resolve()
  #stops: (() => void)[] = []

  constructor(components: ChangeWatchComponents) {
    this.#components = components
  }

  async start(): Promise<void> {
    const { clock, pins, states } = this.#components
    this.#last = await states.last()
    await this.look()
    const look = (): void => {
      void this.look()
    }
    this.#stops = [pins.onChange(look), clock.every(LOOK_MS, look)]
  }

  /** Looks once more, and resolves when what it has found is on disk. */
  async stop(): Promise<void> {
    for (const stop of this.#stops) stop()
    await this.look()
  }

  /** Resolves when all that had changed by now is told and kept. Never rejects. */
  async look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((err: unknown) => {
        this.#components.log.error({ err }, 'changes of the settings could not be kept')
      })
    await this.#looking
  }

  async #look(): Promise<void> {
    const { audit, clock, readFiles, self, states } = this.#components
    const before = this.#last
    const files = await readFiles(before?.files ?? {})
    const { sn } = self.state
    const same = before?.sn === sn && OWN_FILES.every((name) => before.files[name] === files[name])
    if (same) return
    const state = { at: Math.max(clock.now(), (before?.at ?? 0) + 1), sn, files }
    this.#last = state
    if (before !== undefined) {
      const changes = fileChanges(before.files, files)
      for (const event of eventsOf(changes)) audit.record(event)
      if (sn !== before.sn) {
        audit.record({
          kind: 'key',
          who: 'owner',
          what: 'this node has another key',
          details: { sn },
        })
      }
    }
    await states.keep(state)
  }
}

/** Entries for these changes. What was noted is nobody's business: its lines are counted. Pure. */
export function eventsOf(changes: readonly Change[]): AuditEvent[] {
  const notes = changes.filter(({ kind }) => kind === 'memory').length
  const others = changes.filter(({ kind }) => kind !== 'memory')
  const rest = others.length - MAX_ENTRIES
  return [
    ...others.slice(0, MAX_ENTRIES).map(({ kind, subject, what }): AuditEvent => ({
      ...{ kind, who: 'owner', what },
      ...(subject === undefined ? {} : { details: { subject } }),
    })),
    ...(rest > 0 ? [{ kind: 'limit', who: 'node', what: `${rest} further changes` } as const] : []),
    ...(notes > 0
      ? [{ kind: 'memory', who: 'owner', what: `${notes} lines of notes changed` } as const]
      : []),
  ]
}
