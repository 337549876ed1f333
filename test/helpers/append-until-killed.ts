/** Run as a process of its own: appends to the journal in the folder given, and prints each sequence number once acknowledged. */
import { z } from 'zod'
import { Database } from '../../src/store/database.ts'
import { Journal } from '../../src/store/journal.ts'

const database = await Database.open(process.argv[2] ?? '')
const journal = await Journal.open(database, 'audit', z.strictObject({ n: z.int() }))
for (let n = 1; ; n++) {
  const { seq } = await journal.append({ n }, n, [], { durable: false })
  process.stdout.write(`${seq}\n`)
}
