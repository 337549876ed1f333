import { createHash } from 'node:crypto'

/** Numbers in [0, 1) that the seed decides. */
export function chance(seed: number): () => number {
  let count = 0
  return () => {
    const digest = createHash('sha256').update(`${seed} ${count++}`).digest()
    return digest.readUInt32BE() / 2 ** 32
  }
}
