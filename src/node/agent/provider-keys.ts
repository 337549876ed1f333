import type { Secret } from '../../agent/secret.ts'
import { KithError } from '../../protocol/errors.ts'
import type { AgentConfig } from '../agent-config.ts'
import { SECRET_FORMS, parseSecretRef, resolveSecret } from './secrets.ts'

/** The keys of those providers that have one, by their names. @throws {KithError} as `resolveSecret` */
export async function providerKeys(
  providers: AgentConfig['providers'],
): Promise<ReadonlyMap<string, Secret>> {
  const keys = new Map<string, Secret>()
  for (const { key, name } of providers) {
    if (key === undefined) continue
    const where = `agent.providers.${name}.key`
    const ref = parseSecretRef(key)
    if (ref === undefined) {
      throw new KithError('usage', `${where}: say ${SECRET_FORMS}`, { what: where })
    }
    keys.set(name, await resolveSecret(ref, where))
  }
  return keys
}
