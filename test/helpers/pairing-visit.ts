import type { Invite } from '../../src/protocol/invite.ts'
import type { CommitMessage, ProposeMessage } from '../../src/protocol/pairing-messages.ts'
import { joinerOpening, stepJoiner } from '../../src/protocol/pairing-joiner.ts'
import type { JoinerRecord } from '../../src/protocol/pairing-joiner.ts'
import type { PairingStep } from '../../src/protocol/pairing.ts'
import { joining } from './pairing.ts'
import type { PairingNode } from './pairing.ts'

/** What a joiner that keeps to the protocol sends to an inviter, message by message. */
export class Visit {
  readonly #joiner: PairingNode
  readonly #inviter: PairingNode
  readonly #invite: Invite
  #record: JoinerRecord | undefined

  constructor(joiner: PairingNode, inviter: PairingNode, invite: Invite) {
    this.#joiner = joiner
    this.#inviter = inviter
    this.#invite = invite
  }

  /** The same invite in the hands of another node. */
  as(joiner: PairingNode): Visit {
    return new Visit(joiner, this.#inviter, this.#invite)
  }

  /** A proposal with a nonce of its own. */
  propose(wants?: string[]): ProposeMessage {
    // Who made the invite would not redeem it: it is made to look as if another had.
    const invite = { ...this.#invite, id: 'kith1' }
    const fresh = joining(this.#joiner, invite, wants === undefined ? {} : { wants })
    const opening = joinerOpening({ ...fresh, invite: this.#invite }, this.#context())
    if (opening?.message.t !== 'propose') throw new TypeError('no proposal')
    this.#record = opening.record
    return opening.message
  }

  /** The commit to what was offered in answer to the last proposal. */
  commit({ reply }: PairingStep<unknown>): CommitMessage {
    if (reply === undefined || this.#record === undefined) throw new TypeError('no offer')
    const step = stepJoiner(this.#record, reply, this.#context())
    if (step.reply?.t !== 'commit') throw new TypeError(JSON.stringify(step.effects))
    return step.reply
  }

  #context() {
    return this.#joiner.context(this.#inviter.peerId)
  }
}
