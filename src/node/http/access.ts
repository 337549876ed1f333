import { Logins } from './logins.ts'
import type { LoginsComponents } from './logins.ts'
import { Tokens } from './tokens.ts'
import type { TokensComponents } from './tokens.ts'

/** By what somebody gets in over HTTP: programs by tokens, browsers by logins. */
export interface Access {
  tokens: Tokens
  logins: Logins
}

/** What this database has of both. */
export async function openAccess(components: TokensComponents & LoginsComponents): Promise<Access> {
  return { tokens: await Tokens.open(components), logins: await Logins.open(components) }
}
