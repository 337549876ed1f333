import { InvalidArgumentError } from 'commander'
import type { GrantName } from '../../../protocol/pin.ts'
import { collectList } from '../../options.ts'

/** Every right that can be given, here because the schema that has them too costs a command 50 ms. */
const GRANTS: Readonly<Record<GrantName, true>> = {
  ping: true,
  ask: true,
  status: true,
  audit: true,
  approve: true,
  'job.run': true,
  'key.rotate': true,
}

export const GRANTS_TEXT = Object.keys(GRANTS).join(', ')

/** One more grant, or several with commas between. */
export function collectGrants(text: string, before: readonly GrantName[] = []): GrantName[] {
  return collectList(text, before).map((grant) => {
    if (isGrant(grant)) return grant
    throw new InvalidArgumentError(`${JSON.stringify(grant)} is none of ${GRANTS_TEXT}.`)
  })
}

function isGrant(text: string): text is GrantName {
  return Object.hasOwn(GRANTS, text)
}
