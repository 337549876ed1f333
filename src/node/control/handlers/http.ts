import { reportHealth } from '../../health/report-health.ts'
import type { KithNode } from '../../node.ts'
import type { HTTP_ROUTES } from '../routes/http.ts'
import type { HandlersOf } from '../routes/route.ts'

export function httpHandlers(node: KithNode): HandlersOf<typeof HTTP_ROUTES> {
  const { audit, http } = node
  return {
    health: async () => await reportHealth(node),
    tokens: async () => http.tokens.list(),
    createToken: async ({ expiresAt, name, preset, scope }) => {
      const { text, token } = await http.tokens.create({ name, scope, preset, expiresAt })
      audit.record({
        kind: 'token',
        who: 'owner',
        what: `made ${name}`,
        details: { scope, preset },
      })
      return { ...token, text }
    },
    revokeToken: async ({ token }) => {
      const revoked = await http.tokens.revoke(token)
      audit.record({ kind: 'token', who: 'owner', what: `revoked ${revoked.name}` })
      return revoked
    },
    dashboard: async () => ({ url: await http.dashboard() }),
  }
}
