import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError } from '../../protocol/errors.ts'
import { errnoOf } from '../../store/atomic-file.ts'
import { DEFAULT_PROFILE } from '../home.ts'
import { PROFILE_NAME } from './profiles.ts'

/**
 * The passphrase of a profile that a daemon finds by itself: as the credential `kith-passphrase-PROFILE` of its
 * service (systemd.exec(5)), and for the default profile also as `kith-passphrase` or in the file that
 * KITH_PASSPHRASE_FILE names. Undefined when there is none: what is not sealed needs none.
 *
 * @throws {KithError} `usage` for a file that is named and cannot be read, or is empty
 */
export async function passphraseFor(
  env: NodeJS.ProcessEnv,
  profile: string,
): Promise<string | undefined> {
  const folder = env['CREDENTIALS_DIRECTORY']
  const [named, isDefault] = [env['KITH_PASSPHRASE_FILE'], profile === DEFAULT_PROFILE]
  if (named !== undefined && isDefault) return await read(named, true)
  if (folder === undefined) return undefined
  const own = await read(join(folder, `kith-passphrase-${profile}`), false)
  if (own !== undefined || !isDefault) return own
  return await read(join(folder, 'kith-passphrase'), false)
}

/**
 * Passphrases by profile, of lines such as `work: four words of it`.
 *
 * @throws {KithError} `usage` for a line of another form, which is not repeated: it may be a passphrase
 */
export function readPassphraseLines(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    const said = line.replace(/\r$/, '')
    if (said === '') continue
    const [, profile = '', passphrase = ''] = /^([^:]*): (.+)$/.exec(said) ?? []
    if (!PROFILE_NAME.test(profile) || passphrase === '') {
      const what = `line ${index + 1} of the passphrases is not PROFILE: PASSPHRASE`
      throw new KithError('usage', what, { what }, { hint: 'default: the passphrase' })
    }
    found.set(profile, passphrase)
  }
  return found
}

async function read(path: string, wanted: boolean): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT' && !wanted) return undefined
    const what = `the passphrase's file ${path} cannot be read`
    throw new KithError('usage', what, { what }, { cause: err })
  })
  if (text === undefined) return undefined
  const passphrase = text.replace(/\r?\n$/, '')
  if (passphrase !== '') return passphrase
  const what = `there is no passphrase in ${path}`
  throw new KithError('usage', what, { what })
}
