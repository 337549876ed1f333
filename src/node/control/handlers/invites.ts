import { KithError } from '../../../protocol/errors.ts'
import { fingerprintWords } from '../../../protocol/node-id.ts'
import { unknownPeer } from '../../asks/ask-desk.ts'
import type { KithNode } from '../../node.ts'
import type { InviteStanding } from '../../pairing/inviter.ts'
import type { JoinStanding } from '../../pairing/join-standing.ts'
import { reportPeer } from '../peer-report.ts'
import type { INVITE_ROUTES, InviteReport, JoinReport, PairingsReport } from '../routes/invites.ts'
import type { HandlersOf } from '../routes/route.ts'

export function inviteHandlers(node: KithNode): HandlersOf<typeof INVITE_ROUTES> {
  const { pairing } = node
  return {
    invites: async () => reportPairings(node),
    invite: async ({ ttlSeconds, ...init }) => {
      const ttlMs = ttlSeconds * 1_000
      const { link, standing } = await pairing.inviter.create({ ...init, ttlMs })
      return { ...reportInvite(node, standing), link }
    },
    revokeInvite: async ({ which }) => {
      await pairing.revoke(which)
      return reportPairings(node)
    },
    join: async ({ link, ...options }) => {
      return reportJoin(node, await pairing.joiner.join(link, options))
    },
    followJoin: async ({ after, invite }, signal) => {
      return reportJoin(node, await pairing.joiner.follow(invite, after, signal))
    },
    confirmPeer: async ({ name, words }) => {
      const id = node.pins.byName(name)?.id
      // Those of an id can be ground for; nobody between two people can choose those of their pairing.
      const compared = id === undefined ? undefined : (pairing.wordsOf(id) ?? fingerprintWords(id))
      const isWrong = words !== undefined && (compared === undefined || !isSame(words, compared))
      if (isWrong && node.pins.byName(name) !== undefined) {
        const what = `these are not the words of ${name}: it may be another node than you think`
        const hint = `ask again; if they stay different: kith peers remove ${name}`
        throw new KithError('wrong-words', what, { what: 'words' }, { hint })
      }
      await node.pins.edit({ op: 'confirm', name, confirmed: 'words' })
      const peer = node.pins.byName(name)
      if (peer === undefined) throw unknownPeer(name)
      return { ...reportPeer(node, peer), ...(compared === undefined ? {} : { compared }) }
    },
  }
}

/** All that is kept of invites, made here and redeemed here. */
function reportPairings(node: KithNode): PairingsReport {
  const { inviter, joiner } = node.pairing
  return {
    invites: inviter.list().map((standing) => reportInvite(node, standing)),
    joins: joiner.list().map((standing) => reportJoin(node, standing)),
  }
}

/** Those that the owner can still do something about. */
export function openPairings(node: KithNode): PairingsReport {
  const { invites, joins } = reportPairings(node)
  const ended = new Set(['used', 'paired', 'revoked', 'burned', 'expired', 'over'])
  const isOpen = ({ confirmed, state }: InviteReport | JoinReport): boolean => {
    return confirmed === 'link' || !ended.has(state)
  }
  return { invites: invites.filter(isOpen), joins: joins.filter(isOpen) }
}

function reportInvite(node: KithNode, standing: InviteStanding): InviteReport {
  return { ...standing, ...pinnedAs(node, standing.used?.by) }
}

function reportJoin(node: KithNode, standing: JoinStanding): JoinReport {
  const id = standing.paired === undefined ? undefined : standing.id
  return { ...standing, ...pinnedAs(node, id) }
}

function pinnedAs({ pins }: KithNode, id?: string): { peer?: string; confirmed?: string } {
  const pin = id === undefined ? undefined : pins.byId(id)?.pin
  if (pin === undefined) return {}
  return {
    peer: pin.name,
    ...(pin.confirmed === undefined ? {} : { confirmed: pin.confirmed }),
  }
}

function isSame(typed: string, words: readonly string[]): boolean {
  return (
    typed
      .trim()
      .toLowerCase()
      .split(/[\s,]+/u)
      .join(' ') === words.join(' ')
  )
}
