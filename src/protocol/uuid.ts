/*
 * UUID version 7 (RFC 9562 §5.7): 48 bits of Unix time in ms, then random bits, so that ids sort by their time.
 */

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A UUIDv7 of `at` (ms since the epoch) and ten bytes of chance. */
export function uuidV7(at: number, random: Uint8Array): string {
  if (random.byteLength !== 10) throw new TypeError('a UUIDv7 takes ten random bytes')
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(at, 0, 6)
  bytes.set(random, 6)
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** True for a UUIDv7 in its lower-case text form. */
export function isUuidV7(text: string): boolean {
  return FORM.test(text)
}

/** The time in a UUIDv7, in ms since the epoch. */
export function uuidTime(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}
