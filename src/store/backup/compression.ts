import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { damagedBackup } from './manifest.ts'
import { firstFrame, oneFrame } from './zstd-frame.ts'

/** 3: zstd's own default. Its window is 2 MiB. */
const LEVEL = 3

/** So much is handed on at once: each piece waits for a thread. */
const PIECE_BYTES = 524_288

/** So much may come out of nearly nothing, and beyond it so many times what went in. */
const FREE_BYTES = 67_108_864
const MAX_RATIO = 1_000

/** `source` as one zstd frame (RFC 8878). */
export async function* compress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel } = constants
  // What is in it has hashes and is sealed.
  const zstd = createZstdCompress({
    chunkSize: PIECE_BYTES,
    params: { [ZSTD_c_compressionLevel]: LEVEL, [ZSTD_c_checksumFlag]: 0 },
  })
  const done = pipeline(source, zstd)
  done.catch(() => undefined)
  yield* firstFrame(zstd as AsyncIterable<Uint8Array>)
  await done
}

/**
 * What `compress` was given. Stops at what is no backup but a bomb, and at anything that follows the frame.
 *
 * @throws {KithError} `corrupt`
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress({ chunkSize: PIECE_BYTES })
  let [taken, given] = [0, 0]
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of oneFrame(source)) {
      taken += chunk.byteLength
      yield chunk
    }
  }
  const done = pipeline(counted(), zstd)
  done.catch(() => undefined)
  try {
    for await (const chunk of zstd as AsyncIterable<Uint8Array>) {
      given += chunk.byteLength
      if (given > FREE_BYTES + MAX_RATIO * taken) throw damagedBackup('it inflates without bound')
      yield chunk
    }
    await done
  } catch (err) {
    if (!isOfZstd(err)) throw err
    throw damagedBackup('it cannot be decompressed', err)
  }
}

function isOfZstd(err: unknown): boolean {
  return err instanceof Error && 'code' in err && /^(ZSTD_|Z_)/.test(String(err.code))
}
