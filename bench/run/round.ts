import type { Pair, PairLoad } from './pair.ts'
import type { Plan } from './plan.ts'
import type { Samples } from './samples.ts'

/** Adds one round of `pair` to `samples`. It begins and ends without a connection. */
export async function measureRound(pair: Pair, plan: Plan, samples: Samples): Promise<void> {
  await pair.connect('open')
  const one = await pair.load(1, plan.warmUpMs, plan.loopMs)
  const many = await pair.load(64, plan.warmUpMs, plan.loopMs)
  await pair.connect('close')

  samples.add('rttP50Ms', one.client.p50Ms)
  samples.add('rttP99Ms', one.client.p99Ms)
  addLoad(samples, one, 1)
  addLoad(samples, many, 64)
  await pair.reconnectMs(plan.warmUpReconnects)
  samples.add('warmConnectMs', await pair.reconnectMs(plan.reconnects))
  for (let n = 0; n < plan.freshClients; n++) {
    const { importMs, connectMs } = await pair.firstConnect()
    samples.add('importMs', importMs)
    samples.add('coldConnectMs', connectMs)
  }
}

function addLoad(samples: Samples, load: PairLoad, inFlight: 1 | 64): void {
  const { calls, seconds, cpuMicros } = load.client
  samples.add(`callsPerSecond${inFlight}`, calls / seconds)
  samples.add(`clientCpuMicros${inFlight}`, cpuMicros / calls)
  samples.add(`serverCpuMicros${inFlight}`, load.serverCpuMicros / calls)
  if (load.brokerCpuMicros !== undefined) {
    samples.add(`brokerCpuMicros${inFlight}`, load.brokerCpuMicros / calls)
  }
}
