import { ByteReader } from './byte-reader.ts'
import { damagedBackup } from './manifest.ts'

const MAGIC = 0xfd2fb528

/** Largest window that is taken, in bytes: 8 MiB, which RFC 8878 §3.1.1.1.2 wants every decoder to have. */
const MAX_WINDOW_BYTES = 8_388_608

/** Bytes of the field that says how long the content is, by its flag (RFC 8878 §3.1.1.1.4). */
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const

const BLOCK_HEADER_BYTES = 3
const RLE = 1
const RESERVED = 3
const CHECKSUM_BYTES = 4

/**
 * `source`, as long as it is one zstd frame (RFC 8878 §3.1.1) with no dictionary and nothing after it: Node's own
 * decoder ends with the frame, and takes in silence whatever follows. What is in its blocks is for the decoder.
 *
 * @throws {KithError} `corrupt`
 */
export async function* oneFrame(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source)
  try {
    yield* frame(reader)
    if ((await reader.some(1)) !== undefined) throw damagedBackup('something follows its end')
  } finally {
    await reader.close()
  }
}

/** The first frame of what Node's encoder writes, which may let an empty one follow. Reads all of it. */
export async function* firstFrame(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source)
  try {
    yield* frame(reader)
    while ((await reader.some(Number.MAX_SAFE_INTEGER)) !== undefined);
  } finally {
    await reader.close()
  }
}

async function* frame(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const start = await reader.exactly(5)
  if (Buffer.from(start).readUInt32LE() !== MAGIC) throw damagedBackup('it is not compressed')
  const { fieldBytes, hasChecksum, isSingle, sizeBytes } = describe(start[4] ?? 0)
  const fields = await reader.exactly(fieldBytes)
  assertWindow(isSingle ? contentSize(fields, sizeBytes) : windowSize(fields[0] ?? 0))
  yield start
  yield fields
  yield* blocks(reader)
  if (hasChecksum) yield await reader.exactly(CHECKSUM_BYTES)
}

async function* blocks(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (let isLast = false; !isLast;) {
    const header = await reader.exactly(BLOCK_HEADER_BYTES)
    const bits = Buffer.from(header).readUIntLE(0, BLOCK_HEADER_BYTES)
    const type = (bits >> 1) & 3
    if (type === RESERVED) throw damagedBackup('it cannot be decompressed')
    isLast = (bits & 1) === 1
    yield header
    let left = type === RLE ? 1 : bits >> 3
    while (left > 0) {
      const some = await reader.some(left)
      if (some === undefined) throw damagedBackup('it is cut off')
      left -= some.byteLength
      yield some
    }
  }
}

/** What the first byte of a frame header says (RFC 8878 §3.1.1.1.1). */
function describe(descriptor: number): {
  fieldBytes: number
  hasChecksum: boolean
  isSingle: boolean
  sizeBytes: number
} {
  const isSingle = (descriptor & 0b10_0000) !== 0
  if ((descriptor & 0b1011) !== 0) throw damagedBackup('it wants a dictionary')
  const flag = descriptor >> 6
  const sizeBytes = flag === 0 && isSingle ? 1 : (CONTENT_SIZE_BYTES[flag] ?? 0)
  const fieldBytes = (isSingle ? 0 : 1) + sizeBytes
  return { fieldBytes, hasChecksum: (descriptor & 0b100) !== 0, isSingle, sizeBytes }
}

/** RFC 8878 §3.1.1.1.2. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

/** A frame of one segment has a window as long as its content. */
function contentSize(fields: Uint8Array, bytes: number): number {
  const view = Buffer.from(fields)
  if (bytes === 8) return Number(view.readBigUInt64LE())
  return view.readUIntLE(0, bytes) + (bytes === 2 ? 256 : 0)
}

function assertWindow(bytes: number): void {
  if (bytes > MAX_WINDOW_BYTES) throw damagedBackup('it wants too much memory to be decompressed')
}
