import { z } from 'zod'
import { nameSchema } from '../../../protocol/pin.ts'
import { STANDARD_PRESETS } from '../../../protocol/verbs.ts'
import { healthReport } from '../../health/health-report.ts'
import { SCOPES } from '../../http/principal.ts'
import { at, nothing, route } from './route.ts'

const tokenReport = z.strictObject({
  /** Twelve hex digits. */
  id: z.string(),
  name: z.string(),
  scope: z.enum(SCOPES),
  /** Most that the tools of its tasks may do. */
  preset: z.enum(STANDARD_PRESETS),
  createdAt: at,
  expiresAt: z.exactOptional(at),
  lastUsedAt: z.exactOptional(at),
})

export const HTTP_ROUTES = {
  health: route('GET', '/v1/health', nothing, healthReport),
  tokens: route('GET', '/v1/tokens', nothing, z.array(tokenReport)),
  createToken: route(
    'POST',
    '/v1/tokens',
    z.strictObject({
      name: nameSchema,
      scope: z.enum(SCOPES),
      preset: z.enum(STANDARD_PRESETS).default('none'),
      expiresAt: z.exactOptional(at),
    }),
    /** `text` is what its holder sends. It is in no other answer. */
    tokenReport.extend({ text: z.string() }),
  ),
  revokeToken: route(
    'POST',
    '/v1/tokens/:token/revoke',
    z.strictObject({ token: z.string().min(1).max(64) }),
    tokenReport,
  ),
  /** A URL that opens the dashboard once. */
  dashboard: route('POST', '/v1/dashboard', nothing, z.strictObject({ url: z.string() })),
}

export type TokenReport = z.infer<typeof tokenReport>
