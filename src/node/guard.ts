import { KithError } from '../protocol/errors.ts'
import { decideGrant } from '../protocol/grant.ts'
import { isMap } from '../protocol/message.ts'
import { decideRate, perMinute } from '../protocol/rate.ts'
import { parseBody } from '../protocol/verbs.ts'
import type { Answer } from './answer.ts'
import type { KnownPeer } from './pins.ts'
import type { AnyVerb, VerbCall } from './verbs/verb.ts'

/** A call that was let in. */
export interface Admitted {
  verb: AnyVerb
  call: VerbCall<unknown>
}

/**
 * Decides on each call: rotated → frozen → verb → size → shape → grant → rate → the verb's own rules. What a rule writes is
 * written when nothing else can refuse, without an `await` between: a refused call has used up nothing.
 */
export class Guard {
  readonly #verbs: ReadonlyMap<string, AnyVerb>
  /** Rate cells by key: who calls with an old one takes nothing from the one in force. */
  readonly #cells = new Map<string, number>()

  constructor(verbs: readonly AnyVerb[]) {
    this.#verbs = new Map(verbs.map((verb) => [verb.name, verb]))
  }

  /** @throws {KithError} with the wire code of the first rule that refuses */
  admit(peer: KnownPeer, answer: Answer, now: number): Admitted {
    const { body, verb: name } = answer.call
    const verb = this.#verbs.get(name)
    if (peer.superseded === true && verb?.withOldKey !== true) {
      throw new KithError('rotated', `${peer.pin.name} has another key now`, {})
    }
    if (peer.frozen && verb?.whenFrozen !== true) {
      throw new KithError(
        'frozen',
        `${peer.pin.name} is frozen`,
        {},
        {
          hint: `kith peers why ${peer.pin.name}`,
        },
      )
    }
    if (verb === undefined) {
      throw new KithError('unsupported-verb', `no verb ${name}`, { verb: name })
    }
    verb.assertSize?.(body)
    const call = { peer, body: parseBody(verb.body, body), answer, now }
    const grant = decideGrant(peer.pin, name, { now, chainLength: chainLength(call.body) })
    if (!grant.allowed) {
      throw new KithError('denied', `${peer.pin.name}: ${grant.why}`, { rule: grant.rule })
    }
    const rate = decideRate(perMinute(peer.pin.callsPerMinute), this.#cells.get(peer.key), now)
    if (!rate.allowed) {
      const { retryAfterMs } = rate
      throw new KithError('rate-limited', 'too many calls a minute', { retryAfterMs })
    }
    const commit = verb.admit?.(call)
    this.#cells.set(peer.key, rate.cell)
    commit?.()
    return { verb, call }
  }
}

/** How many nodes an ask has come through; other calls come from their sender alone. */
function chainLength(body: unknown): number {
  const chain = isMap(body as Parameters<typeof isMap>[0])
    ? (body as { chain?: unknown }).chain
    : undefined
  return Array.isArray(chain) ? chain.length : 1
}
