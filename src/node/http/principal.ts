import type { STANDARD_PRESETS } from '../../protocol/verbs.ts'

/**
 * What a token may do: `tasks` its own tasks and no more; `read` all that is shown and nothing that changes; `admin`
 * everything that the TCP listener offers.
 */
export const SCOPES = ['read', 'tasks', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** Who stands behind a request: the owner at this machine, or whoever holds a token. */
export type Principal =
  | { kind: 'owner' }
  | {
      kind: 'token'
      id: string
      name: string
      scope: Scope
      /** Most that the tools of its tasks may do. */
      preset: (typeof STANDARD_PRESETS)[number]
    }

export const OWNER: Principal = { kind: 'owner' }

/** True when `principal` may do what is for `scope`. */
export function covers(principal: Principal, scope: Scope): boolean {
  if (principal.kind === 'owner') return true
  return principal.scope === 'admin' || principal.scope === scope
}

/** As the audit log and `submitter` of a task have it: `owner`, or `token NAME`. */
export function principalName(principal: Principal): string {
  return principal.kind === 'owner' ? 'owner' : `token ${principal.name}`
}
