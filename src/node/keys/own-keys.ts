import type { EndorsedRotation, RotationDraft } from '../../protocol/key-log-create.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { openKeyInUse } from '../identity.ts'
import type { Identity, PublicIdentity } from '../identity.ts'
import { endorseKept, keepRotationKey, keepsRotationKey, settleKept } from './kept.ts'
import { readOwnLog } from './own-log.ts'
import { commitRecovery, prepareRecovery } from './recover.ts'
import type { PreparedRecovery, RecoveryInit } from './recover.ts'
import { retire } from './retire.ts'
import type { RetirementInit } from './retire.ts'
import { commitRotation, endorseHere, prepareRotation, preparedRotation } from './rotate.ts'
import type { PrepareRotationInit } from './rotate.ts'
import type { PreparedRotation } from './prepared.ts'
import { whereRotationKeyIs } from './rotation-key.ts'
import { dropSuperseded } from './superseded.ts'

/** The secret keys of this node, and the durable steps of a change of them. */
export interface OwnKeys {
  prepareRotation(init: PrepareRotationInit): Promise<PreparedRotation>
  preparedRotation(): Promise<PreparedRotation | undefined>
  endorseHere(passphrase: string | undefined): Promise<EndorsedRotation>
  commitRotation(endorsed: EndorsedRotation, passphrase: string | undefined): Promise<Identity>
  prepareRecovery(init: RecoveryInit): Promise<PreparedRecovery>
  commitRecovery(prepared: PreparedRecovery): Promise<Identity>
  retire(init: RetirementInit): Promise<PublicIdentity>
  whereRotationKeyIs(): Promise<'here' | 'off-host'>
  /** Erases keys that are of no more use. @returns when to call it again, in ms since the epoch */
  dropSuperseded(now: number): Promise<number | undefined>
}

/** Those in the files of this home. */
export function keysOfHome(home: string): OwnKeys {
  return {
    prepareRotation: (init) => prepareRotation(home, init),
    preparedRotation: () => preparedRotation(home),
    endorseHere: (passphrase) => endorseHere(home, passphrase),
    commitRotation: (endorsed, passphrase) => commitRotation(home, endorsed, passphrase),
    prepareRecovery: (init) => prepareRecovery(home, init),
    commitRecovery: (prepared) => commitRecovery(home, prepared),
    retire: (init) => retire(home, init),
    whereRotationKeyIs: () => whereRotationKeyIs(home),
    dropSuperseded: (now) => dropSuperseded(home, now),
  }
}

/** The rotation keys that this host keeps for other nodes of its owner. */
export interface KeptKeys {
  /** True when the key that rotates the node with a log in this state is kept here. */
  keeps(state: KeyLogState): Promise<boolean>
  keep(state: KeyLogState, words: string, passphrase: string | undefined): Promise<void>
  endorse(
    draft: RotationDraft,
    init: { state: KeyLogState; passphrase: string | undefined },
  ): Promise<EndorsedRotation>
  /** Erases what a node's log has superseded. */
  settle(log: readonly Uint8Array[]): Promise<void>
}

/** Those in the files of this home. */
export function keptInHome(home: string): KeptKeys {
  return {
    keeps: (state) => keepsRotationKey(home, state),
    // Sealed as the keys of this node are.
    keep: async (state, words, passphrase) => {
      const own = await readOwnLog(home)
      const { protection } = await openKeyInUse(home, own, passphrase)
      await keepRotationKey(home, state, words, protection)
    },
    endorse: (draft, init) => endorseKept(home, draft, init),
    settle: (log) => settleKept(home, log),
  }
}
