import { hkdfSync, randomBytes } from 'node:crypto'
import { Decrypter, Encrypter } from 'age-encryption'
import { KithError } from '../../protocol/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { damagedBackup } from './manifest.ts'
import { passphraseIdentity, passphraseRecipient } from './seal-passphrase.ts'
import { openChunks, sealChunks } from './seal-stream.ts'

/** What opens a sealed backup later: a passphrase, or the identity of one of some recipients (`age1…`). */
export type Lock = { passphrase: string } | { recipients: readonly string[] }

/** What opens one now: its passphrase, or identities (`AGE-SECRET-KEY-1…`) of which one is of a recipient. */
export type Key = { passphrase: string } | { identities: readonly string[] }

/** Longest header that is read: room for some hundred recipients. */
const MAX_HEADER_BYTES = 32_768

const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/
const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/
const LAST_LINE = /^--- [A-Za-z0-9+/]{43}\n$/
const NONCE_BYTES = 16
const KEY_BYTES = 32

/** An empty payload: its nonce, and the tag of one chunk without content. */
const EMPTY_PAYLOAD_BYTES = 32

/**
 * `source` as a file of the age format (age-encryption.org/v1), which any age tool opens.
 *
 * @throws {KithError} `usage` for a recipient that is none, before anything is yielded; `passphrase` for an empty one
 */
export async function* seal(
  source: AsyncIterable<Uint8Array>,
  lock: Lock,
): AsyncGenerator<Uint8Array> {
  const { header, fileKey } = await makeHeader(lock)
  const nonce = randomBytes(NONCE_BYTES)
  yield header
  yield nonce
  yield* sealChunks(source, payloadKey(fileKey, nonce))
}

/**
 * What was sealed. Yields nothing before header and key are right; what it has yielded is whole only when it ends.
 *
 * @throws {KithError} `passphrase` when the key is not one that opens it; `corrupt`; `usage`
 */
export async function* unseal(
  source: AsyncIterable<Uint8Array>,
  key: Key,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source)
  try {
    const fileKey = await openHeader(await readHeader(reader), key)
    const nonce = await reader.exactly(NONCE_BYTES)
    yield* openChunks(reader.rest(), payloadKey(fileKey, nonce))
  } finally {
    await reader.close()
  }
}

/** @throws {KithError} `usage` when one of them is no recipient */
export function assertRecipients(recipients: readonly string[]): void {
  const wrong = recipients.find((recipient) => !RECIPIENT.test(recipient))
  if (wrong === undefined && recipients.length > 0) {
    // A slip in a letter still looks like one: only its checksum tells.
    for (const recipient of recipients) addRecipient(new Encrypter(), recipient)
    return
  }
  const what = wrong === undefined ? 'there is no recipient' : `${wrong} is no age recipient`
  throw new KithError('usage', what, { what: 'recipient' }, { hint: 'kith backup keygen FILE' })
}

/** The package makes its own file key and hands it to each recipient, so one that adds no stanza learns it. */
async function makeHeader(lock: Lock): Promise<{ header: Uint8Array; fileKey: Uint8Array }> {
  const encrypter = new Encrypter()
  if ('passphrase' in lock) {
    encrypter.addRecipient(passphraseRecipient(lock.passphrase))
  } else {
    assertRecipients(lock.recipients)
    for (const recipient of lock.recipients) addRecipient(encrypter, recipient)
  }
  const { promise, resolve } = Promise.withResolvers<Uint8Array>()
  encrypter.addRecipient({
    wrapFileKey: (fileKey) => {
      resolve(fileKey.slice())
      return []
    },
  })
  const empty = await encrypter.encrypt(new Uint8Array(0))
  const header = empty.subarray(0, -EMPTY_PAYLOAD_BYTES)
  if (header.byteLength > MAX_HEADER_BYTES) {
    const message = 'so many recipients have no room in a backup'
    throw new KithError('usage', message, { what: 'recipients' })
  }
  return { header, fileKey: await promise }
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient)
  } catch (err) {
    const message = `${recipient} is no age recipient`
    throw new KithError('usage', message, { what: 'recipient' }, { cause: err })
  }
}

async function openHeader(header: Uint8Array, key: Key): Promise<Uint8Array> {
  const decrypter = new Decrypter()
  if ('passphrase' in key) {
    decrypter.addIdentity(passphraseIdentity(key.passphrase))
  } else {
    for (const identity of key.identities) addIdentity(decrypter, identity)
  }
  try {
    return await decrypter.decryptHeader(header)
  } catch (err) {
    if (err instanceof KithError) throw err
    if (err instanceof Error && err.message.startsWith('no identity matched')) {
      const message = 'no identity that was given opens the backup'
      throw new KithError('passphrase', message, { given: true }, { cause: err })
    }
    throw damagedBackup('its header was changed after it was sealed', err)
  }
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  const what = 'identity'
  if (!IDENTITY.test(identity)) throw new KithError('usage', 'that is no age identity', { what })
  try {
    decrypter.addIdentity(identity)
  } catch (err) {
    throw new KithError('usage', 'that is no age identity', { what }, { cause: err })
  }
}

/** The lines up to the one with the header's own tag, which is read no further. */
async function readHeader(reader: ByteReader): Promise<Uint8Array> {
  const lines: string[] = []
  let bytes = 0
  for (;;) {
    const line = await readLine(reader, MAX_HEADER_BYTES - bytes)
    bytes += line.length
    lines.push(line)
    if (lines[0] !== 'age-encryption.org/v1\n') throw damagedBackup('it is no age file')
    if (LAST_LINE.test(line)) return Buffer.from(lines.join(''), 'latin1')
  }
}

async function readLine(reader: ByteReader, most: number): Promise<string> {
  const bytes: number[] = []
  while (bytes.length < most) {
    const [byte = 0] = await reader.exactly(1)
    bytes.push(byte)
    if (byte === 0x0a) return Buffer.from(bytes).toString('latin1')
  }
  throw damagedBackup('its header has no end')
}

function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, nonce, 'payload', KEY_BYTES))
}
