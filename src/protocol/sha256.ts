import { hash } from 'node:crypto'

export const SHA256_BYTES = 32

/** SHA-256 of all `parts`, one after another (FIPS 180-4). */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(hash('sha256', Buffer.concat(parts), 'buffer'))
}
