// Pings the node at an address from `begin` to `end`, and sends how long each took: forked by `backup-pings.ts`.
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { kith } from '../contenders/kith.ts'

/** From an answer to the next ping, in ms. */
const PAUSE_MS = 5

const client = await kith.client({ index: 0, dir: tmpdir() })
const connection = await client.connect(process.argv[2] ?? '')
let tripsMs: number[] = []

process.on('message', (what) => {
  if (what === 'end') process.send?.(tripsMs)
  tripsMs = []
})
process.once('disconnect', () => process.exit())
await connection.call(randomBytes(256))
process.send?.('ready')
for (;;) {
  const startedAt = performance.now()
  await connection.call(randomBytes(256))
  tripsMs.push(performance.now() - startedAt)
  await delay(PAUSE_MS)
}
