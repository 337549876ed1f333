import { KithError } from '../../protocol/errors.ts'
import type { LobbyTalk } from '../lobby-talk.ts'
import { Inviter, isOpen } from './inviter.ts'
import type { InviteStanding } from './inviter.ts'
import { Joiner } from './joiner.ts'
import type { JoinStanding } from './join-standing.ts'
import type { PairingInit, PairingParts } from './pairing-parts.ts'

/** Both sides of pairing by a link: the invites of this node, and those that it redeems. */
export class PairingDesk {
  readonly inviter: Inviter
  readonly joiner: Joiner
  /** What visitors of the lobby can begin with. */
  readonly talks: Readonly<Record<'propose' | 'commit', LobbyTalk>>

  constructor(parts: PairingParts, init: PairingInit) {
    this.inviter = new Inviter(parts, init)
    this.joiner = new Joiner(parts, init)
    const { serve } = this.inviter
    this.talks = { propose: serve, commit: serve }
  }

  /** Comes before the first visitor, and needs the pins. */
  async start(): Promise<void> {
    await this.inviter.start()
    await this.joiner.start()
  }

  /** Takes up what was being joined. Needs the mesh. */
  resume(): void {
    this.joiner.resume()
  }

  async stop(): Promise<void> {
    await this.joiner.stop()
    await this.inviter.stop()
  }

  /** True while the lobby has to let in somebody who may redeem an invite. */
  get awaitsVisitors(): boolean {
    return this.inviter.wanted
  }

  /** The words that a pairing with this node gave, as its owner sees them too; undefined when none is remembered. */
  wordsOf(id: string): string[] | undefined {
    const used = this.inviter.list().flatMap((invite) => invite.used ?? [])
    const asInviter = used.filter(({ by }) => by === id)
    const joined = this.joiner.list().filter((join) => join.id === id)
    const all = [...asInviter, ...joined.flatMap(({ paired }) => paired ?? [])]
    return all.sort((a, b) => a.at - b.at).at(-1)?.words
  }

  /**
   * Takes back an invite of this node, or gives up one that it redeems, by its id or by the name that it is about.
   *
   * @throws {KithError} `unknown-invite`; `usage` for one that is used
   */
  async revoke(which: string): Promise<InviteStanding | JoinStanding> {
    const open = this.inviter.list().filter(({ state }) => isOpen(state))
    const trying = this.joiner.list().filter(({ state }) => state === 'trying' || state === 'half')
    const named = [...open, ...trying].find(({ name }) => name === which)
    const key = named?.invite ?? which
    const ended = (await this.inviter.revoke(key)) ?? (await this.joiner.giveUp(key))
    if (ended === undefined) {
      const hint = 'kith invites list'
      const what = `no invite that is open has the name or the id ${which}`
      throw new KithError('unknown-invite', what, { invite: which }, { hint })
    }
    if (ended.state === 'used' || ended.state === 'paired') {
      const hint = `kith peers remove ${ended.name}`
      const what = `it is used, and ${ended.name} is a peer`
      throw new KithError('usage', what, { what: 'invite' }, { hint })
    }
    return ended
  }
}
