import { isAbsolute, join } from 'node:path'
import { Secret } from '../../agent/secret.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { readPrivateFile } from '../../store/atomic-file.ts'

/** Longest secret, in bytes. */
const MAX_SECRET_BYTES = 16_384

/** Where a secret is kept: `env:NAME`, `file:/path` or `credential:NAME` (systemd's, `$CREDENTIALS_DIRECTORY`). */
export type SecretRef =
  | { from: 'env'; name: string }
  | { from: 'file'; path: string }
  | { from: 'credential'; name: string }

/** What a reference may look like, for whoever wrote something else. */
export const SECRET_FORMS = 'env:NAME, file:/path or credential:NAME'

/** The reference in `text`, or undefined when it is none, as a secret itself is not. */
export function parseSecretRef(text: string): SecretRef | undefined {
  const [, from = '', rest = ''] = /^(env|file|credential):(.+)$/u.exec(text) ?? []
  if (from === 'env' && /^[A-Za-z_]\w*$/u.test(rest)) return { from, name: rest }
  if (from === 'file' && isAbsolute(rest)) return { from, path: rest }
  // One name in that folder, and nothing that leads out of it.
  if (from === 'credential' && /^(?!\.{1,2}$)[\w.-]+$/u.test(rest)) return { from, name: rest }
  return undefined
}

/**
 * The secret that `ref` refers to, without the newline at its end. `key` is where the reference stands, such as
 * `agent.providers.openrouter.api_key`: each error begins with it, and none holds the secret.
 *
 * @throws {KithError} `usage` when there is none, or one that fits in no header; `unsafe-file` for a file that others
 *   can read; `invalid-file` for one that is too long
 */
export async function resolveSecret(
  ref: SecretRef,
  key: string,
  env: Readonly<Partial<Record<string, string>>> = process.env,
): Promise<Secret> {
  switch (ref.from) {
    case 'env': {
      const value = env[ref.name]
      if (value === undefined) {
        throw missing(key, `$${ref.name} is not set`, `set ${ref.name} where kith starts`)
      }
      return secretOf(value, key)
    }
    case 'file':
      return await secretIn(ref.path, key, true)
    case 'credential': {
      const folder = env['CREDENTIALS_DIRECTORY']
      if (folder === undefined) {
        const hint = `run kith as a systemd service with LoadCredential=${ref.name}:…`
        throw missing(key, '$CREDENTIALS_DIRECTORY is not set', hint)
      }
      // systemd shows them read-only, to the group too where it grants access by an ACL, in a folder of the service's.
      return await secretIn(join(folder, ref.name), key, false)
    }
  }
}

async function secretIn(path: string, key: string, secret: boolean): Promise<Secret> {
  const bytes = await readPrivateFile(path, { secret, maxBytes: MAX_SECRET_BYTES }).catch(
    (err: unknown) => {
      if (!isFailure(err)) throw err
      const { code, details, hint, message } = err
      throw new KithError(code, `${key}: ${message}`, details, {
        cause: err,
        ...(hint === undefined ? {} : { hint }),
      })
    },
  )
  if (bytes === undefined) {
    throw missing(key, `there is no file ${path}`, `put the secret into ${path}, mode 600`)
  }
  return secretOf(Buffer.from(bytes).toString(), key)
}

/** Visible ASCII only (RFC 9110 §5.5): anything else cannot be in a header, and is a slip or an attack. */
function secretOf(text: string, key: string): Secret {
  const value = text.replace(/\r?\n$/u, '')
  if (/^[!-~]+$/u.test(value)) return new Secret(value)
  const what =
    value === '' ? 'is empty' : 'has spaces, line breaks or other characters that no key has'
  throw missing(key, `the secret ${what}`, 'write the key alone, in one line')
}

function missing(key: string, why: string, hint: string): KithError<'usage'> {
  return new KithError('usage', `${key}: ${why}`, { what: key }, { hint })
}
