import { createHash } from 'node:crypto'

/** 32 bytes that look random and are always the same for a name. */
export function seedOf(name: string): Uint8Array {
  return sha256(Buffer.from(`kith test vectors: ${name}`))
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}
