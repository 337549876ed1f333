import { z } from 'zod'
import { strictMap } from '../../protocol/strict-map.ts'

/** `audit` of config.yaml. */
export const auditSchema = strictMap({
  /** Where known vulnerabilities of packages are asked for; plain HTTP only of this machine. */
  osv_url: z
    .url({ protocol: /^https?$/ })
    .refine((text) => isSafe(new URL(text)), 'https, or http of this machine')
    .transform((text) => text.replace(/\/+$/, ''))
    .default('https://api.osv.dev'),
})

function isSafe({ hostname, protocol }: URL): boolean {
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}
