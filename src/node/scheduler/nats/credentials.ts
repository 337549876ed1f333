import { join } from 'node:path'
import type { Authenticator } from '@nats-io/transport-node'
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { KithError } from '../../../protocol/errors.ts'
import { readPrivateFile } from '../../../store/atomic-file.ts'
import { parseSecretRef, SECRET_FORMS } from '../../agent/secrets.ts'

const KEY = 'scheduler.nats.credentials'

/** Longest login, in bytes: a .creds file has about 1,000. */
const MAX_LOGIN_BYTES = 16_384

/**
 * The login that `reference` refers to; undefined where servers want none. Read anew for each connection, so that one
 * that was replaced is taken.
 *
 * @throws {KithError} `usage` when there is none; `unsafe-file` for a file that others can read
 */
export async function readLogin(
  reference: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Authenticator | undefined> {
  if (reference === undefined) return undefined
  const text = (await textAt(reference, env))?.trim()
  if (text === undefined || text === '') {
    const hint = { hint: `put the login where ${KEY} says, or say ${SECRET_FORMS} there` }
    throw new KithError('usage', `${KEY}: there is no ${reference}`, { what: KEY }, hint)
  }
  return loginOf(text)
}

/** The kind of login that a text is, by its shape. */
export function loginOf(text: string): Authenticator {
  const bytes = new TextEncoder().encode(text)
  if (text.includes('-----BEGIN NATS USER JWT-----')) return credsAuthenticator(bytes)
  // A seed of a user's key, in base32: NATS ADR-14.
  if (/^SU[A-Z2-7]{56}$/.test(text)) return nkeyAuthenticator(bytes)
  const [, user, password] = /^([^:\s]+):(.+)$/.exec(text) ?? []
  if (user !== undefined) return usernamePasswordAuthenticator(user, password)
  return tokenAuthenticator(text)
}

async function textAt(reference: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const ref = parseSecretRef(reference)
  switch (ref?.from) {
    case undefined:
      return undefined
    case 'env':
      return env[ref.name]
    case 'file':
      return await textIn(ref.path, true)
    case 'credential': {
      const folder = env['CREDENTIALS_DIRECTORY']
      return folder === undefined ? undefined : await textIn(join(folder, ref.name), false)
    }
  }
}

async function textIn(path: string, secret: boolean): Promise<string | undefined> {
  const bytes = await readPrivateFile(path, { secret, maxBytes: MAX_LOGIN_BYTES })
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}
