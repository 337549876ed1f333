import { KithError, isFailure } from '../../protocol/errors.ts'
import { ANNOUNCES_PER_MINUTE } from '../../protocol/limits.ts'
import { decideRate, perMinute } from '../../protocol/rate.ts'
import { createReceipt } from '../../protocol/receipt.ts'
import { keyAnnounceCall, keyLogCall } from '../../protocol/verbs.ts'
import type { KnownPeer, Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

export interface KeyLogVerbsComponents {
  pins: Pick<Pins, 'keysOf' | 'take'>
  self: Pick<Self, 'id' | 'events' | 'secret' | 'observe'>
}

/** `key.log`: our own key log, or that of a node which both sides have pinned. */
export function keyLogVerb({ pins, self }: KeyLogVerbsComponents): AnyVerb {
  return defineVerb({
    name: 'key.log',
    body: keyLogCall,
    whenFrozen: true,
    withOldKey: true,
    run: ({ body: { id = self.id } }) => {
      const log = id === self.id ? self.events : pins.keysOf(id)?.held.events
      if (log !== undefined) return { log: [...log] }
      throw new KithError('bad-request', `${id} is not pinned here`, { what: 'id' })
    },
  })
}

/** `key.announce`: takes a key log of a node that is pinned here, and gives a receipt for what is held of it now. */
export function keyAnnounceVerb({ pins, self }: KeyLogVerbsComponents): AnyVerb {
  /** Rate cells, one or two of each node: a key more is no call more. */
  const cells = new Map<string, number>()
  return defineVerb({
    name: 'key.announce',
    body: keyAnnounceCall,
    whenFrozen: true,
    withOldKey: true,
    admit: ({ peer, now }) => {
      const cell = cellOf(peer)
      const rate = decideRate(perMinute(ANNOUNCES_PER_MINUTE), cells.get(cell), now)
      if (!rate.allowed) {
        const { retryAfterMs } = rate
        throw new KithError('rate-limited', 'too many key logs a minute', { retryAfterMs })
      }
      return () => {
        cells.set(cell, rate.cell)
      }
    },
    run: async ({ body: { log } }) => {
      self.observe(log)
      const change = await pins.take(log).catch((err: unknown) => {
        throw isFailure(err, 'malformed') ? badLog(err.details.what, err) : err
      })
      if (change === undefined) throw badLog('its node is not pinned')
      const { frozen, held, state } = change.after
      const receipt = createReceipt({
        id: state.id,
        sn: state.sn,
        head: state.head,
        by: self.id,
        seenAt: held.seenAt[state.sn] ?? 0,
        seed: self.secret,
      })
      const isOther = change.kind === 'older' || change.kind === 'forked'
      // What is held instead: whoever showed the other may not know.
      const instead = isOther ? { log: [...held.events] } : {}
      return frozen ? { receipt, frozen, ...instead } : { receipt, ...instead }
    },
  })
}

/** Old keys of a node share a cell beside that of the one in force: a thief of one uses up nothing of the owner's. */
function cellOf({ id, superseded }: KnownPeer): string {
  return superseded === true ? `${id} superseded` : id
}

function badLog(why: string, cause?: unknown): KithError<'bad-request'> {
  return new KithError(
    'bad-request',
    `no key log to take: ${why}`,
    { what: `log: ${why}` },
    { cause },
  )
}
