import { REPLY_BYTES, type Client, type Connection } from '../contenders/contender.ts'
import type { LoadFigures } from './messages.ts'
import { percentile } from './statistics.ts'

/**
 * What `inFlight` callers measure that call again as soon as they are answered, for `ms`.
 *
 * @throws {Error} on a call that fails, or a reply of the wrong size: figures with failures in them
 *   are worth nothing.
 */
export async function closedLoop(
  connection: Connection,
  body: Uint8Array,
  inFlight: number,
  ms: number,
): Promise<LoadFigures> {
  const latencies: number[] = []
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const caller = async (): Promise<void> => {
    let sentAt = performance.now()
    while (sentAt - startedAt < ms) {
      assertReply(await connection.call(body))
      const answeredAt = performance.now()
      latencies.push(answeredAt - sentAt)
      sentAt = answeredAt
    }
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  const seconds = (performance.now() - startedAt) / 1_000
  // Sorting hundreds of thousands of latencies is our work, not the contender's.
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    calls: latencies.length,
    seconds,
    p50Ms: percentile(latencies, 0.5) ?? NaN,
    p99Ms: percentile(latencies, 0.99) ?? NaN,
    cpuMicros: user + system,
  }
}

/** The time in ms from nothing to the first answer of a new connection, which is then closed. */
export async function connectOnce(
  client: Client,
  address: string,
  body: Uint8Array,
): Promise<number> {
  const startedAt = performance.now()
  const connection = await client.connect(address)
  assertReply(await connection.call(body))
  const ms = performance.now() - startedAt
  await connection.close()
  return ms
}

function assertReply(reply: Uint8Array): void {
  if (reply.byteLength !== REPLY_BYTES) throw new Error(`a reply of ${reply.byteLength} bytes`)
}
