import type { Transform } from 'node:stream'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { toError } from '../../protocol/errors.ts'
import { eachBlock } from './blocks.ts'
import { damagedBackup } from './manifest.ts'
import { firstFrame, oneFrame } from './zstd-frame.ts'

/** 3: zstd's own default. Its window is 2 MiB. */
const LEVEL = 3

/** So much is handed on at once: each block waits for a thread. */
const BLOCK_BYTES = 1_048_576

/** `source` as one zstd frame (RFC 8878). */
export async function* compress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel } = constants
  // What is in it has hashes and is sealed.
  const zstd = createZstdCompress({
    chunkSize: BLOCK_BYTES,
    params: { [ZSTD_c_compressionLevel]: LEVEL, [ZSTD_c_checksumFlag]: 0 },
  })
  const done = feed(zstd, source)
  done.catch(() => undefined)
  yield* firstFrame(zstd as AsyncIterable<Uint8Array>)
  await done
}

/**
 * What `compress` was given, and nothing that follows the frame. How much comes out is bounded by whoever reads: zeros
 * become a 30,000th of themselves here, so a ratio would tell no bomb from a workspace with an empty disk image in it.
 *
 * @throws {KithError} `corrupt`
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress({ chunkSize: BLOCK_BYTES })
  const done = feed(zstd, oneFrame(source))
  done.catch(() => undefined)
  try {
    yield* zstd as AsyncIterable<Uint8Array>
    await done
  } catch (err) {
    if (!isOfZstd(err)) throw err
    throw damagedBackup('it cannot be decompressed', err)
  }
}

/** Writes `source` to a stream that works in another thread. */
async function feed(stream: Transform, source: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await eachBlock(source, BLOCK_BYTES, (block) => write(stream, block))
    stream.end()
  } catch (err) {
    stream.destroy(toError(err))
    throw err
  }
}

/** Resolves when the stream is done with `block`. */
async function write(stream: Transform, block: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(block, (err) => {
      if (err instanceof Error) reject(err)
      else resolve()
    })
  })
}

function isOfZstd(err: unknown): boolean {
  return err instanceof Error && 'code' in err && /^(ZSTD_|Z_)/.test(String(err.code))
}
