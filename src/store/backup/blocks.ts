/**
 * `source` in blocks of `size` bytes, the last one shorter. Two of them take turns, so that one can be filled while
 * somebody works on the other: a block is good until the one after the next is asked for.
 */
export async function* blocksOf(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  let [block, other] = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)]
  let filled = 0
  for await (const piece of source) {
    for (let at = 0; at < piece.byteLength;) {
      const some = piece.subarray(at, at + size - filled)
      block.set(some, filled)
      filled += some.byteLength
      at += some.byteLength
      if (filled < size) continue
      yield block
      ;[block, other] = [other, block]
      filled = 0
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}

/**
 * Hands `source` on in blocks of `size` bytes to somebody who works elsewhere, in another thread or on the disk: while
 * one block is worked on, the next one is filled. Resolves when all are done.
 */
export async function eachBlock(
  source: AsyncIterable<Uint8Array>,
  size: number,
  work: (block: Uint8Array) => Promise<unknown>,
): Promise<void> {
  let before: Promise<unknown> = Promise.resolve()
  for await (const block of blocksOf(source, size)) {
    await before
    before = work(block)
    // It is looked at with the next block, and must not count as unheard until then.
    before.catch(() => undefined)
  }
  await before
}
