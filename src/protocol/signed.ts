import { signBytes, verifyBytes } from './ed25519.ts'

/** What a signature can be about. Each is a domain of its own: PROTOCOL.md lists them. */
export const SIGNED_KINDS = [
  'icp',
  'rot',
  'rec',
  'end',
  'rct',
  'invite',
  'pair-commit',
  'pair-done',
  'bye',
  'rotation-request',
  'audit-head',
  'backup',
] as const

export type SignedKind = (typeof SIGNED_KINDS)[number]

/**
 * The signature that says `bytes`, the canonical encoding of a statement of this kind. No signature of
 * one kind is one of another, nor one of anything else: the kind is signed too.
 */
export function sign(kind: SignedKind, bytes: Uint8Array, seed: Uint8Array): Uint8Array {
  return signBytes(signedBytes(kind, bytes), seed)
}

/** True if the holder of `publicKey` signed `bytes` as a statement of this kind. */
export function verify(
  kind: SignedKind,
  bytes: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  return verifyBytes(signedBytes(kind, bytes), signature, publicKey)
}

function signedBytes(kind: SignedKind, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`kith/${kind}/1`), bytes])
}
