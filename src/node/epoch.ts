import { z } from 'zod'
import type { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'

const epochSchema = z.int().nonnegative()

/** Counts the starts of this store: an old copy of it that runs is told by its lower number. */
export async function nextEpoch(database: Database): Promise<number> {
  const epochs = new Repository(database, 'epoch', epochSchema)
  const epoch = ((await epochs.get('boot')) ?? 0) + 1
  await database.write([epochs.put('boot', epoch)], { durable: true })
  return epoch
}
