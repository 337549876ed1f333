import { createCipheriv, createDecipheriv } from 'node:crypto'
import { blocksOf } from './blocks.ts'
import { damagedBackup } from './manifest.ts'

/*
 * The payload of an age file (age-encryption.org/v1, “Payload”): STREAM over ChaCha20-Poly1305. Chunks of 64 KiB, each
 * with its tag; the nonce is the chunk's number and whether it is the last one, so that none can be moved, dropped or
 * cut off.
 */

const CIPHER = 'chacha20-poly1305'
const CHUNK_BYTES = 65_536
const TAG_BYTES = 16
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES

/** `u88 big-endian chunk number | 1 for the last, else 0`. */
const NONCE_BYTES = 12

/** The sealed chunks of what `source` yields. `key` has 32 bytes and seals nothing else. */
export async function* sealChunks(
  source: AsyncIterable<Uint8Array>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array> {
  for await (const { chunk, nonce } of numbered(source, CHUNK_BYTES)) {
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    yield cipher.update(chunk)
    cipher.final()
    yield cipher.getAuthTag()
  }
}

/**
 * What was given to `sealChunks`. Each chunk is yielded when its tag is right; only the end of this generator says that
 * none is missing.
 *
 * @throws {KithError} `corrupt`
 */
export async function* openChunks(
  source: AsyncIterable<Uint8Array>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array> {
  for await (const { chunk, nonce, number } of numbered(source, SEALED_CHUNK_BYTES)) {
    const bytes = chunk.byteLength - TAG_BYTES
    if (bytes < 0) throw damagedBackup('it is cut off')
    // The last chunk is empty only where there is no other, or one plaintext would have two files.
    if (bytes === 0 && number > 0) throw damagedBackup('its last chunk is empty')
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAuthTag(chunk.subarray(bytes))
    const opened = decipher.update(chunk.subarray(0, bytes))
    try {
      decipher.final()
    } catch (err) {
      throw damagedBackup('it was changed or cut off after it was sealed', err)
    }
    yield opened
  }
}

/** `source` in pieces of `size` bytes, the last one shorter or as long, each with its nonce. One piece at least. */
async function* numbered(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ chunk: Uint8Array; nonce: Uint8Array; number: number }> {
  let number = 0
  let held: Uint8Array | undefined
  for await (const chunk of blocksOf(source, size)) {
    // None is handed on before it is known whether it is the last one.
    if (held !== undefined) {
      yield { chunk: held, nonce: nonceOf(number, false), number }
      number += 1
    }
    held = chunk
  }
  yield { chunk: held ?? new Uint8Array(0), nonce: nonceOf(number, true), number }
}

function nonceOf(number: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(NONCE_BYTES)
  // 2^48 chunks are more than any disk has.
  nonce.writeUIntBE(number, NONCE_BYTES - 7, 6)
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0
  return nonce
}
