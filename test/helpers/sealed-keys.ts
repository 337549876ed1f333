import { createCipheriv, randomBytes, scryptSync } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encode } from '../../src/protocol/cbor.ts'
import { sha256 } from '../../src/protocol/sha256.ts'

/** The least work that a key file may ask for: it opens in an eighth of the time that one takes as kith seals it. */
const LOG_N = 14

/** Seals the keys of a home that lie there in the clear, as a key file may be sealed. */
export async function sealKeys(home: string, passphrase: string): Promise<void> {
  for (const name of await readdir(join(home, 'keys'))) {
    const path = join(home, 'keys', name)
    const { secret } = JSON.parse(await readFile(path, 'utf8')) as { secret: string }
    await writeFile(path, sealed(Buffer.from(secret, 'base64url'), passphrase))
  }
}

function sealed(secret: Uint8Array, passphrase: string): string {
  const [salt, nonce] = [new Uint8Array(randomBytes(16)), new Uint8Array(randomBytes(12))]
  const header = { version: 1, kind: 'scrypt', logN: LOG_N, r: 8, p: 1, salt, nonce }
  const key = scryptSync(passphrase, salt, 32, { N: 2 ** LOG_N, r: 8, p: 1 })
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
  cipher.setAAD(encode(header), { plaintextLength: secret.byteLength })
  const parts = [cipher.update(secret), cipher.final(), cipher.getAuthTag()]
  const fields = { ...header, sealed: new Uint8Array(Buffer.concat(parts)) }
  const check = Buffer.from(sha256(encode(fields))).toString('hex', 0, 8)
  return JSON.stringify({ ...fields, check }, base64url)
}

function base64url(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value
}
