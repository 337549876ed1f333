import type { Logger } from 'pino'
import type { AgentHost } from './agent/agent-host.ts'
import type { Alerts } from './alerts.ts'
import type { Answerer } from './asks/answerer.ts'
import type { Asker } from './asks/asker.ts'
import type { Housekeeping } from './asks/housekeeping.ts'
import type { BackupDesk } from './backup/backup-desk.ts'
import type { Byes } from './byes.ts'
import type { Copies } from './copies.ts'
import type { Dialer } from './dialer.ts'
import type { FleetHost } from './fleet/fleet-host.ts'
import type { KeyDesk } from './keys/key-desk.ts'
import type { Links } from './links.ts'
import type { Mesh } from './mesh.ts'
import type { PairingDesk } from './pairing/pairing-desk.ts'
import type { Part } from './parts.ts'
import type { Pins } from './pins.ts'
import type { Records } from './records.ts'
import type { JobHost } from './scheduler/job-host.ts'
import type { Strangers } from './strangers.ts'

/** What runs in a node: a `KithNode` is one. */
export interface NodeServices {
  readonly agent: AgentHost
  readonly alerts: Alerts
  readonly answerer: Answerer
  readonly asker: Asker
  readonly backups: BackupDesk
  readonly byes: Byes
  readonly copies: Copies
  readonly dialer: Dialer
  readonly fleet: FleetHost
  readonly housekeeping: Housekeeping
  readonly jobs: JobHost
  readonly keys: KeyDesk
  readonly links: Links
  readonly log: Logger
  readonly mesh: Mesh
  readonly pairing: PairingDesk
  readonly pins: Pins
  readonly records: Records
  readonly strangers: Strangers
}

/** The parts of a node, in the order in which they start. Jobs run when they are due, unless `loop` says no. */
export function partsOf(node: NodeServices, loop: () => boolean): Part[] {
  return [
    pins(node),
    records(node),
    fleet(node),
    agent(node),
    mesh(node),
    asks(node),
    backup(node),
    scheduler(node, loop),
  ]
}

function pins(node: NodeServices): Part {
  const { agent, alerts, answerer, byes, jobs, links, log, pins, strangers } = node
  let unlisten = (): void => undefined
  return {
    name: 'pins',
    start: async () => {
      await alerts.start()
      await pins.start()
      await strangers.start()
      // Whoever links with us has us pinned, whatever it said before.
      const unlistenLinks = links.onChange(({ id }, up) => {
        if (up) byes.forget(id)
        const peer = up ? pins.byId(id) : undefined
        if (peer !== undefined) jobs.results.peerCame(peer.pin.name)
      })
      const unlistenPins = pins.onChange(() => {
        Promise.all([answerer.review(), agent.review()]).catch((err: unknown) => {
          log.error({ err }, 'asks that are no longer allowed could not be ended')
        })
      })
      unlisten = () => {
        unlistenLinks()
        unlistenPins()
      }
    },
    stop: async () => {
      unlisten()
      await pins.stop()
      strangers.stop()
      alerts.stop()
    },
  }
}

function records({ records }: NodeServices): Part {
  return {
    name: 'records',
    start: async () => {
      await records.start()
    },
    stop: async () => {
      await records.stop()
    },
  }
}

/** Before whatever a peer can call: its calls are counted. */
function fleet({ fleet }: NodeServices): Part {
  return {
    name: 'fleet',
    start: async () => {
      await fleet.start()
    },
    stop: async () => {
      await fleet.stop()
    },
  }
}

function agent({ agent, answerer }: NodeServices): Part {
  return {
    name: 'agent',
    start: async () => {
      await agent.start()
      await answerer.recover()
      await agent.review()
    },
    // What runs here may be waiting for what was asked of others: that goes on until it has ended.
    drain: async (drainMs) => {
      await answerer.stop(drainMs)
      await agent.stop()
    },
  }
}

function mesh({ copies, dialer, keys, links, mesh, pairing }: NodeServices): Part {
  return {
    name: 'mesh',
    start: async () => {
      copies.start(links)
      links.start()
      await keys.start()
      await pairing.start()
      await mesh.start()
      pairing.resume()
      dialer.start()
    },
    stop: async () => {
      await dialer.stop()
      await pairing.stop()
      await keys.stop()
      // In this order, so that what is written last, such as a final, still goes out.
      await mesh.stop()
      links.stop()
      copies.stop()
    },
  }
}

function asks({ asker, housekeeping }: NodeServices): Part {
  return {
    name: 'asks',
    start: async () => {
      await asker.start()
      housekeeping.start()
    },
    stop: async () => {
      housekeeping.stop()
      await asker.stop()
    },
  }
}

function backup({ backups }: NodeServices): Part {
  return {
    name: 'backup',
    start: () => {
      backups.start()
    },
    drain: async () => {
      await backups.stop()
    },
  }
}

/** Its work ends first: a job that is ended for the stop is to hear of it before its asks do. */
function scheduler({ jobs }: NodeServices, loop: () => boolean): Part {
  return {
    name: 'scheduler',
    start: async () => {
      await jobs.start({ loop: loop() })
    },
    drain: async (drainMs) => {
      await jobs.stop(drainMs)
    },
  }
}
