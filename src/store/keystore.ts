import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scrypt,
  type ScryptOptions,
} from 'node:crypto'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { encode, type CborValue } from '../protocol/cbor.ts'
import { KithError } from '../protocol/errors.ts'
import { sha256 } from '../protocol/sha256.ts'
import {
  checkPrivateFolder,
  createPrivateFile,
  makePrivateFolder,
  readPrivateFile,
} from './atomic-file.ts'

/** How a secret lies on disk: as it is, or sealed by a passphrase. */
export type Protection = { clear: true } | { passphrase: string }

/** A secret, and how it lay on disk, so that what follows it can be kept in the same way. */
export interface OpenedSecret {
  secret: Uint8Array
  protection: Protection
}

const FILE_VERSION = 1
const SECRET_BYTES = 32
const MAX_FILE_BYTES = 4_096

/** 128 MiB and about half a second: OWASP's first choice for scrypt (Password Storage, 2023). */
const SCRYPT_LOG_N = 17
/** A file may ask for so much, 256 MiB, and no more: whoever plants one shall not fill the memory. */
const SCRYPT_MAX_LOG_N = 18
const SCRYPT_R = 8
const SCRYPT_P = 1

const SALT_BYTES = 16
const CIPHER = 'chacha20-poly1305'
const NONCE_BYTES = 12
const TAG_BYTES = 16

const bytes = (length: number) =>
  z
    .base64url()
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64url')))
    .refine((value) => value.byteLength === length, { message: `not ${length} bytes` })

const clearFile = z.strictObject({
  version: z.literal(FILE_VERSION),
  kind: z.literal('clear'),
  secret: bytes(SECRET_BYTES),
  check: z.string(),
})

const scryptFile = z.strictObject({
  version: z.literal(FILE_VERSION),
  kind: z.literal('scrypt'),
  logN: z.int().min(14).max(SCRYPT_MAX_LOG_N),
  r: z.literal(SCRYPT_R),
  p: z.literal(SCRYPT_P),
  salt: bytes(SALT_BYTES),
  nonce: bytes(NONCE_BYTES),
  sealed: bytes(SECRET_BYTES + TAG_BYTES),
  check: z.string(),
})

const keyFile = z.discriminatedUnion('kind', [clearFile, scryptFile])

type Header = Omit<z.infer<typeof scryptFile>, 'sealed' | 'check'>

/**
 * Stores a 32-byte secret in a file of its own, mode 0600 in a folder of mode 0700.
 *
 * @throws {KithError} `exists` when the file is there, whatever is in it: a key is never replaced;
 *   `passphrase` when it is empty; `unsafe-file` when the folder is open to others.
 */
export async function sealSecret(
  path: string,
  secret: Uint8Array,
  protection: Protection,
): Promise<void> {
  if (secret.byteLength !== SECRET_BYTES) throw new TypeError('a secret has 32 bytes')
  await makePrivateFolder(dirname(path))
  const fields =
    'clear' in protection
      ? { version: FILE_VERSION, kind: 'clear', secret }
      : await seal(secret, protection.passphrase)
  const text = JSON.stringify({ ...fields, check: checkOf(fields) }, base64url, 2)
  await createPrivateFile(path, Buffer.from(`${text}\n`))
}

/**
 * The secret in the file at `path`, or undefined when there is no file.
 *
 * @throws {KithError} `passphrase` when it is missing or wrong, `corrupt` when the file is damaged,
 *   `too-new` when a later kith wrote it, `unsafe-file` when file or folder is open to others.
 */
export async function openSecret(
  path: string,
  passphrase?: string,
): Promise<OpenedSecret | undefined> {
  const content = await readPrivateFile(path, { secret: true, maxBytes: MAX_FILE_BYTES })
  if (content === undefined) return undefined
  await checkPrivateFolder(dirname(path))
  const file = parse(path, content)
  if (file.kind === 'clear') return { secret: file.secret, protection: { clear: true } }
  if (passphrase === undefined || passphrase === '') {
    throw new KithError('passphrase', `${path} is sealed by a passphrase`, { given: false })
  }
  const { sealed, ...header } = file
  return {
    secret: await unseal(path, header, sealed, passphrase),
    protection: { passphrase },
  }
}

async function seal(
  secret: Uint8Array,
  passphrase: string,
): Promise<Header & { sealed: Uint8Array }> {
  if (passphrase === '') {
    throw new KithError('passphrase', 'an empty passphrase seals nothing', { given: false })
  }
  const header: Header = {
    version: FILE_VERSION,
    kind: 'scrypt',
    logN: SCRYPT_LOG_N,
    r: SCRYPT_R,
    p: SCRYPT_P,
    salt: new Uint8Array(randomBytes(SALT_BYTES)),
    nonce: new Uint8Array(randomBytes(NONCE_BYTES)),
  }
  const key = await deriveKey(header, passphrase)
  const cipher = createCipheriv(CIPHER, key, header.nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(encode(header), { plaintextLength: SECRET_BYTES })
  const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()])
  return { ...header, sealed: new Uint8Array(sealed) }
}

async function unseal(
  path: string,
  header: Header,
  sealed: Uint8Array,
  passphrase: string,
): Promise<Uint8Array> {
  const key = await deriveKey(header, passphrase)
  const decipher = createDecipheriv(CIPHER, key, header.nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(encode(header), { plaintextLength: SECRET_BYTES })
  decipher.setAuthTag(sealed.subarray(SECRET_BYTES))
  try {
    const secret = [decipher.update(sealed.subarray(0, SECRET_BYTES)), decipher.final()]
    return new Uint8Array(Buffer.concat(secret))
  } catch (err) {
    // The check has shown that the file is what was written, so it is not the file.
    throw new KithError(
      'passphrase',
      `the passphrase does not open ${path}`,
      { given: true },
      { cause: err },
    )
  }
}

const scryptAsync = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt)

/** RFC 7914, over the passphrase in the one form that all keyboards and systems agree on (NFKC). */
async function deriveKey({ logN, r, p, salt }: Header, passphrase: string): Promise<Uint8Array> {
  const N = 2 ** logN
  return scryptAsync(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: 256 * N * r })
}

function parse(path: string, content: Uint8Array) {
  let file
  try {
    const json: unknown = JSON.parse(Buffer.from(content).toString())
    const { version } = z.looseObject({ version: z.int() }).parse(json)
    if (version > FILE_VERSION) throw tooNew(path, version)
    file = keyFile.parse(json)
  } catch (err) {
    if (err instanceof KithError) throw err
    throw corrupt(path, err)
  }
  const { check, ...fields } = file
  if (check !== checkOf(fields)) throw corrupt(path)
  return fields
}

/** Tells a damaged file from a wrong passphrase, which to the cipher are the same. */
function checkOf(fields: CborValue): string {
  return Buffer.from(sha256(encode(fields))).toString('hex', 0, 8)
}

function base64url(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value
}

function tooNew(path: string, version: number): KithError<'too-new'> {
  return new KithError(
    'too-new',
    `${path} has version ${version}; this kith knows up to ${FILE_VERSION}`,
    { what: path, version, known: FILE_VERSION },
    { hint: 'run the kith that wrote it, or a later one' },
  )
}

function corrupt(path: string, cause?: unknown): KithError<'corrupt'> {
  return new KithError(
    'corrupt',
    `the key file ${path} is damaged`,
    { what: path },
    { cause, hint: `put ${path} back from a copy; kith never makes a new key by itself` },
  )
}
