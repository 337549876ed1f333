import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib'
import { isFailure } from '../../../src/protocol/errors.ts'
import { compress, decompress } from '../../../src/store/backup/compression.ts'
import { bytesOf, piecesOf } from '../../helpers/backup-bytes.ts'

async function refuses(bytes: Uint8Array, why: RegExp): Promise<void> {
  await assert.rejects(
    bytesOf(decompress(piecesOf(bytes))),
    (err) => isFailure(err, 'corrupt') && why.test(err.message),
  )
}

describe('compression', () => {
  for (const bytes of [0, 1, 65_536, 1_000_001]) {
    it(`gives back what it was given: ${bytes} bytes`, async () => {
      const content = randomBytes(bytes)
      const small = await bytesOf(compress(piecesOf(content, 9_999)))
      assert.deepEqual(await bytesOf(decompress(piecesOf(small, 777))), content)
    })
  }

  it('takes much of the same, as a file of 50 MB of zeros is', async () => {
    const zeros = await bytesOf(compress(piecesOf(Buffer.alloc(50_000_000))))
    assert.ok(zeros.byteLength < 50_000)
    let bytes = 0
    for await (const chunk of decompress(piecesOf(zeros))) bytes += chunk.byteLength
    assert.equal(bytes, 50_000_000)
  })

  it('takes more of the same than any bomb has: what the manifest announces bounds it', async () => {
    const zeros = zstdCompressSync(Buffer.alloc(400_000_000))
    assert.ok(zeros.byteLength < 20_000)
    let bytes = 0
    for await (const chunk of decompress(piecesOf(zeros))) bytes += chunk.byteLength
    assert.equal(bytes, 400_000_000)
  })

  it('gives no memory to a window of 128 MiB', async () => {
    const params = { [constants.ZSTD_c_windowLog]: 27 }
    const wide = await bytesOf(
      Readable.from(piecesOf(Buffer.alloc(9_000_000))).pipe(createZstdCompress({ params })),
    )
    await refuses(wide, /too much memory/)
    await refuses(zstdCompressSync(Buffer.alloc(9_000_000), { params }), /too much memory/)
  })

  it('refuses what is cut, is none, or goes on', async () => {
    const frame = zstdCompressSync(randomBytes(100_000))
    await refuses(frame.subarray(0, -1), /cut off/)
    await refuses(Buffer.alloc(0), /cut off/)
    await refuses(Buffer.from('not compressed at all'), /not compressed/)
    await refuses(Buffer.concat([frame, Buffer.from('x')]), /follows/)
    await refuses(Buffer.concat([frame, frame]), /follows/)
    await refuses(Buffer.concat([frame, randomBytes(3_000_000)]), /follows/)
  })

  it('refuses a dictionary, a block of no kind, and one that is damaged', async () => {
    const frame = await bytesOf(compress(piecesOf(Buffer.from('some text '.repeat(99)))))
    const withByte = (at: number, byte: number): Buffer => Buffer.from(frame).fill(byte, at, at + 1)
    await refuses(withByte(4, 1), /dictionary/)
    await refuses(withByte(6, 6), /decompressed/)
    await refuses(Buffer.from(frame).fill(0xff, 9, 20), /decompressed/)
  })

  it('hands on what its source throws', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield zstdCompressSync(randomBytes(100_000)).subarray(0, 500)
      throw new Error('the disk is gone')
    }
    await assert.rejects(bytesOf(decompress(broken())), /the disk is gone/)
    await assert.rejects(bytesOf(compress(broken())), /the disk is gone/)
  })
})
