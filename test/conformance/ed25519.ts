/* PROTOCOL.md §3. The equation is OpenSSL's, which has no cofactor and wants S below L; the rest is checked here. */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'

const P = 2n ** 255n - 19n
const D = mod(-121_665n * inverse(121_666n))
const SQRT_OF_MINUS_1 = power(2n, (P - 1n) / 4n)

/** Points by their hex. The same ones come again and again, and the sums below are slow. */
const known = new Map<string, boolean>()

/** True if `bytes` encode a point in the one way there is, and it is not of small order. */
export function isSound(bytes: Uint8Array): boolean {
  const hex = Buffer.from(bytes).toString('hex')
  const sound = known.get(hex) ?? isSoundPoint(bytes)
  known.set(hex, sound)
  return sound
}

function isSoundPoint(bytes: Uint8Array): boolean {
  if (bytes.byteLength !== 32) return false
  const number = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
  const [signBit, y] = [number >> 255n, number & (2n ** 255n - 1n)]
  if (y >= P) return false
  const x = xOf(y)
  if (x === undefined || (x === 0n && signBit === 1n)) return false
  let point: readonly [bigint, bigint] = [x, y]
  for (let i = 0; i < 3; i++) point = double(point)
  return !(point[0] === 0n && point[1] === 1n)
}

/** True if `signature` is one of `kind` over `statement`, under `publicKey`. */
export function isSigned(
  kind: string,
  statement: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.byteLength !== 64 || publicKey.byteLength !== 32) return false
  if (!isSound(publicKey) || !isSound(signature.subarray(0, 32))) return false
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  return verify(null, tagged(kind, statement), key, signature)
}

/** The signature of `kind` over `statement`, and the public key, of a 32-byte seed. */
export function signWith(
  seed: Uint8Array,
  kind: string,
  statement: Uint8Array,
): { signature: Uint8Array; publicKey: Uint8Array } {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return {
    signature: sign(null, tagged(kind, statement), key),
    publicKey: Buffer.from(x, 'base64url'),
  }
}

function tagged(kind: string, statement: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`kith/${kind}/1`), statement])
}

/** An x for y on −x² + y² = 1 + dx²y² (RFC 8032 §5.1.3), if there is one. */
function xOf(y: bigint): bigint | undefined {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n))
  const root = power(square, (P + 3n) / 8n)
  return [root, mod(root * SQRT_OF_MINUS_1)].find((x) => mod(x * x) === square)
}

function double([x, y]: readonly [bigint, bigint]): readonly [bigint, bigint] {
  const product = mod(D * x * x * y * y)
  return [mod(2n * x * y * inverse(1n + product)), mod((y * y + x * x) * inverse(1n - product))]
}

function mod(value: bigint): bigint {
  return ((value % P) + P) % P
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n)
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, mod(base)]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = mod(result * square)
    square = mod(square * square)
  }
  return result
}
