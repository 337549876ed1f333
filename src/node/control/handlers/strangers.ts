import { unknownPeer } from '../../asks/ask-desk.ts'
import type { KithNode } from '../../node.ts'
import { reportPeer } from '../peer-report.ts'
import type { HandlersOf } from '../routes/route.ts'
import type { STRANGER_ROUTES } from '../routes/strangers.ts'

export function strangerHandlers(node: KithNode): HandlersOf<typeof STRANGER_ROUTES> {
  const { pins, strangers } = node
  return {
    strangers: async () => ({
      pending: strangers.pending().map(({ address, count, firstAt, key, lastAt }) => ({
        key,
        address,
        firstAt,
        lastAt,
        count,
      })),
      denied: strangers.denied(),
      blocked: strangers.blocked(),
    }),
    acceptStranger: async ({ allow = [], key, name }) => {
      strangers.assertAcceptable(key)
      await pins.edit({ op: 'add', peer: { name, key, allow } })
      await strangers.forget(key)
      const peer = pins.byName(name)
      if (peer === undefined) throw unknownPeer(name)
      return reportPeer(node, peer)
    },
    denyStranger: async ({ key }) => {
      await strangers.deny(key)
      return { key }
    },
    block: async ({ who }) => {
      await strangers.block(who)
      return { who }
    },
    unblock: async ({ who }) => {
      await strangers.unblock(who)
      return { who }
    },
  }
}
