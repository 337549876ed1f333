import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import type { ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { Stanza } from 'age-encryption'
import type { Identity, Recipient } from 'age-encryption'
import { KithError } from '../../protocol/errors.ts'
import { damagedBackup } from './manifest.ts'

/*
 * The scrypt stanza of the age format (age-encryption.org/v1, “The scrypt recipient type”), with the key derived in the
 * thread pool: the package does it in the main thread, which then answers nobody for a second.
 */

const LABEL = 'age-encryption.org/v1/scrypt'
const CIPHER = 'chacha20-poly1305'
const NONCE = new Uint8Array(12)
const SALT_BYTES = 16
const KEY_BYTES = 32
const FILE_KEY_BYTES = 16
const TAG_BYTES = 16

/** As age's own command: 256 MiB and about a second. A file that asks for more is refused before it gets any. */
const LOG_N = 18
const SCRYPT_R = 8
const SCRYPT_P = 1

/** Seals a file's key by a passphrase. */
export function passphraseRecipient(passphrase: string): Recipient {
  return {
    async wrapFileKey(fileKey) {
      const salt = randomBytes(SALT_BYTES)
      const key = await deriveKey(passphrase, salt, LOG_N)
      const cipher = createCipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES })
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()])
      return [new Stanza(['scrypt', base64(salt), String(LOG_N)], new Uint8Array(body))]
    },
  }
}

/** Opens a file's key by a passphrase. It throws `passphrase` for a wrong one, and for a file that has none. */
export function passphraseIdentity(passphrase: string): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const [stanza] = stanzas
      if (!stanzas.some(({ args }) => args[0] === 'scrypt') || stanza === undefined) {
        const message = 'the backup is sealed for recipients, and not by a passphrase'
        throw new KithError('passphrase', message, { given: true })
      }
      const { salt, logN } = parseArgs(stanza.args)
      // The format demands it: a passphrase must not be one way in among others.
      if (stanzas.length > 1 || stanza.body.byteLength !== FILE_KEY_BYTES + TAG_BYTES) {
        throw damagedBackup('its header is not one of a passphrase')
      }
      return unwrap(stanza.body, await deriveKey(passphrase, salt, logN))
    },
  }
}

function parseArgs(args: readonly string[]): { salt: Uint8Array; logN: number } {
  const [, salt = '', logN = ''] = args
  const bytes = Buffer.from(salt, 'base64')
  if (args.length !== 3 || bytes.byteLength !== SALT_BYTES || base64(bytes) !== salt) {
    throw damagedBackup('its header is not one of a passphrase')
  }
  if (!/^[1-9][0-9]?$/.test(logN) || Number(logN) > LOG_N) {
    throw damagedBackup(`its passphrase asks for more work than 2^${LOG_N}`)
  }
  return { salt: bytes, logN: Number(logN) }
}

function unwrap(body: Uint8Array, key: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES })
  decipher.setAuthTag(body.subarray(FILE_KEY_BYTES))
  try {
    const opened = [decipher.update(body.subarray(0, FILE_KEY_BYTES)), decipher.final()]
    return new Uint8Array(Buffer.concat(opened))
  } catch (err) {
    const message = 'the passphrase does not open the backup'
    throw new KithError('passphrase', message, { given: true }, { cause: err })
  }
}

const scryptAsync = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt)

/** RFC 7914. The passphrase is taken as it is, or age's command would not open what we seal. */
async function deriveKey(passphrase: string, salt: Uint8Array, logN: number): Promise<Uint8Array> {
  if (passphrase === '') {
    throw new KithError('passphrase', 'an empty passphrase seals nothing', { given: false })
  }
  const N = 2 ** logN
  const maxmem = 256 * N * SCRYPT_R
  const salted = Buffer.concat([Buffer.from(LABEL), salt])
  return scryptAsync(passphrase, salted, KEY_BYTES, { N, r: SCRYPT_R, p: SCRYPT_P, maxmem })
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '')
}
