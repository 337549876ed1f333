import { unknownPeer } from '../../asks/ask-desk.ts'
import type { Fleet } from '../../fleet/fleet.ts'
import type { KithNode } from '../../node.ts'
import type { FLEET_ROUTES, FleetReport } from '../routes/fleet.ts'
import type { HandlersOf } from '../routes/route.ts'

export function fleetHandlers({ fleet: host, pins }: KithNode): HandlersOf<typeof FLEET_ROUTES> {
  const fleet = host.view
  return {
    fleet: async ({ fresh, timeoutMs }) =>
      fresh === true ? await fleet.fresh(timeoutMs) : fleet.report(),
    fleetEvents: async (_input, signal) => reports(fleet, signal),
    fleetHistory: async ({ limit, name }) => {
      const peer = pins.byName(name)
      if (peer === undefined) throw unknownPeer(name)
      return { name, samples: await fleet.history(peer, limit) }
    },
  }
}

/** The report, then again whenever it says something else. A slow reader misses what was between. */
async function* reports(
  fleet: Pick<Fleet, 'report' | 'watch'>,
  signal: AbortSignal,
): AsyncGenerator<FleetReport> {
  let news = Promise.withResolvers<undefined>()
  const wake = (): void => {
    news.resolve(undefined)
  }
  const unwatch = fleet.watch(wake)
  signal.addEventListener('abort', wake)
  let last = ''
  try {
    while (!signal.aborted) {
      news = Promise.withResolvers()
      const report = fleet.report()
      const gist = gistOf(report)
      if (gist !== last) yield report
      last = gist
      await news.promise
    }
  } finally {
    unwatch()
    signal.removeEventListener('abort', wake)
  }
}

/** What makes two reports different to somebody who looks: not the ages and round trips, which always change. */
function gistOf({ hints, rows, state }: FleetReport): string {
  const told = rows.map(({ identityChanged, name, reasons, since, state, status, steady }) => [
    ...[name, state, reasons, since, identityChanged, steady],
    ...[status?.software, status?.health, status?.notReady, status?.audit.state],
  ])
  return JSON.stringify([state, hints, told])
}
