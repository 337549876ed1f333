import { KithError, isFailure } from '../../protocol/errors.ts'
import { pinDue, pinned } from '../../protocol/pairing.ts'
import { joinerOpening, stepJoiner } from '../../protocol/pairing-joiner.ts'
import type { JoinerRecord } from '../../protocol/pairing-joiner.ts'
import { readPairingMessage } from '../../protocol/pairing-messages.ts'
import type { LobbyWire } from '../lobby-talk.ts'
import { pairingContext } from './pairing-parts.ts'
import type { PairingParts } from './pairing-parts.ts'
import { pinPaired } from './pinning.ts'

/** Messages of an inviter that can be of use in one visit: `offer` and `done`. */
const MAX_MESSAGES = 2

export interface JoinVisitsInit {
  /** Where others can dial this node. */
  ownAddresses: () => string[]
  records: {
    get: (key: string) => JoinerRecord | undefined
    /** Resolves when it is on disk. */
    store: (key: string, record: JoinerRecord) => Promise<void>
  }
}

/** Visits to the lobby of an inviter, to come to the end of a pairing. */
export class JoinVisits {
  readonly #parts: PairingParts
  readonly #init: JoinVisitsInit

  constructor(parts: PairingParts, init: JoinVisitsInit) {
    this.#parts = parts
    this.#init = init
  }

  /** One try of all addresses of an invite. @throws {KithError} why the inviter is not pinned after it */
  async attempt(key: string, signal: AbortSignal): Promise<void> {
    const record = this.#init.records.get(key)
    if (record === undefined) return
    const { invite, name } = record
    const { mesh, self, strangers } = this.#parts
    strangers.assertNotBlocked(invite.id)
    const failures: string[] = []
    for (const address of invite.addresses) {
      if (signal.aborted || this.#isPaired(key)) break
      const ownKey = self.key
      try {
        await mesh.talkAt(address, (wire, remote) => this.#talk(key, ownKey, wire, remote), signal)
      } catch (err) {
        failures.push(`${address}: ${reasonOf(err)}`)
      }
    }
    if (this.#isPaired(key)) {
      await this.#pin(key)
      return
    }
    const reason = failures.join('; ') || 'no address was tried'
    throw new KithError('unreachable', reason, { peer: name, reason })
  }

  async #talk(key: string, ownKey: string, wire: LobbyWire, remote: string): Promise<void> {
    const { self } = this.#parts
    const { records } = this.#init
    const before = records.get(key)
    // The connection was made under the key that was in use then.
    if (before === undefined || ownKey !== self.key) return
    const ownAddresses = this.#init.ownAddresses()
    const opening = joinerOpening(before, { ...pairingContext(this.#parts, remote), ownAddresses })
    if (opening === undefined) return
    await records.store(key, opening.record)
    await wire.write(opening.message)
    for (let left = MAX_MESSAGES; left > 0; left--) {
      const record = records.get(key)
      if (record === undefined) return
      const heard = readPairingMessage(await wire.read())
      const step = stepJoiner(record, heard, pairingContext(this.#parts, remote))
      const failed = step.effects.find((effect) => effect.kind === 'failed')
      if (failed !== undefined) {
        throw new KithError('malformed', `its answer does not fit: ${failed.why}`, {
          what: 'pairing',
        })
      }
      if (step.record !== record) await records.store(key, step.record)
      if (step.reply === undefined) return
      await wire.write(step.reply)
    }
  }

  async #pin(key: string): Promise<void> {
    const { log } = this.#parts
    const { records } = this.#init
    const due = records.get(key)
    for (const { peer } of due === undefined ? [] : pinDue(due)) {
      const name = await pinPaired(this.#parts, peer)
      const record = records.get(key)
      if (record !== undefined) await records.store(key, { ...pinned(record), name })
      log.info({ peer: name, id: peer.id }, 'joined')
    }
  }

  #isPaired(key: string): boolean {
    return this.#init.records.get(key)?.state.is === 'paired'
  }
}

/** Why a visit came to nothing. A node that refuses says nothing, so that there is not more to know. */
function reasonOf(err: unknown): string {
  const cause = err instanceof Error ? err.cause : undefined
  if (isFailure(cause)) return cause.message
  const said = /\bE[A-Z]{4,}\b/.exec(cause instanceof Error ? cause.message : '')?.[0]
  return said === undefined ? 'no answer' : `nobody is there (${said})`
}
