// Imports as little as it can: whatever this loads, the contender need not load in the time taken.
import { REQUEST_BYTES, type ClientOptions } from '../contenders/contender.ts'
import { loadContender } from '../contenders/table.ts'
import { describeError, tellParent } from './answer.ts'
import type { FirstConnect } from './messages.ts'

/** What a process that has done nothing yet needs for its imports, and from there to an answer. */
async function firstConnect(
  name: string,
  options: ClientOptions,
  address: string,
): Promise<FirstConnect> {
  const startedAt = performance.now()
  const contender = await loadContender(name)
  const importedAt = performance.now()
  const client = await contender.client(options)
  const connection = await client.connect(address)
  await connection.call(new Uint8Array(REQUEST_BYTES))
  const answeredAt = performance.now()
  await connection.close()
  await client.stop()
  return { importMs: importedAt - startedAt, connectMs: answeredAt - importedAt }
}

const [name = '', dir = '', index = '', address = ''] = process.argv.slice(2)
firstConnect(name, { dir, index: Number(index) }, address).then(
  (value) => {
    tellParent({ value })
  },
  (err: unknown) => {
    tellParent({ error: describeError(err) })
  },
)
// Whatever a contender leaves running ends with the question.
process.once('disconnect', () => process.exit())
