import { unknownPeer } from '../../asks/ask-desk.ts'
import { openingOf, drill } from '../../keys/drill.ts'
import type { DrillPeer } from '../../keys/drill.ts'
import { logNotShown } from '../../keys/key-desk.ts'
import type { KithNode } from '../../node.ts'
import type { Peer } from '../../pins.ts'
import {
  reportExport,
  reportKeys,
  reportPeerKeys,
  reportRequest,
  reportRotation,
} from '../key-reports.ts'
import type { DrillReport, KEY_ROUTES, KeyLogExport } from '../routes/keys.ts'
import type { HandlersOf } from '../routes/route.ts'
import type { DaemonHooks } from './node.ts'
import { homeKeyHandlers } from './home-keys.ts'
import { settle, settlementOf } from './settle.ts'

export function keyHandlers(
  node: KithNode,
  hooks: Pick<DaemonHooks, 'stop'>,
): HandlersOf<typeof KEY_ROUTES> {
  const { home, keys } = node
  return {
    ...homeKeyHandlers(home.path),
    key: async () => await reportKeys(node),
    rotate: async ({ graceSeconds, lastGoodAt, passphrase, why }) => {
      const outcome = await keys.rotation.rotate({
        why,
        graceSeconds,
        passphrase,
        ...(lastGoodAt === undefined ? {} : { lastGoodAt }),
      })
      if (outcome.state === 'rotated') return { ...outcome, report: await reportKeys(node) }
      return { state: outcome.state, rotation: reportRotation(outcome.draft) }
    },
    // The node that runs has its key open: no passphrase is needed to sign with it.
    requestRotation: async ({ via }, signal) => {
      const peer = via === undefined ? undefined : find(node, via)
      const { draft, ...texts } = await keys.request(peer, signal)
      return { rotation: reportRotation(draft), ...texts }
    },
    completeRotation: async ({ endorsement, passphrase }) => {
      await keys.complete(endorsement, passphrase)
      return await reportKeys(node)
    },
    inspectRotation: async ({ request }) => reportRequest(keys.inspect(request)),
    signRotation: async ({ passphrase, request }) => ({
      endorsement: await keys.sign(request, passphrase),
    }),
    keepRotationKey: async ({ passphrase, peer, words }) => {
      await keys.keep(find(node, peer), words, passphrase)
      return {}
    },
    prepareRecovery: async (init) => await keys.rotation.prepareRecovery(init),
    commitRecovery: async () => {
      await keys.rotation.commitRecovery()
      return await reportKeys(node)
    },
    retire: async ({ passphrase, words }) => {
      const { id, log } = await keys.rotation.retire(
        words === undefined ? { passphrase } : { words },
      )
      hooks.stop()
      const sn = log.length - 1
      const told = (peer: Peer): boolean => keys.announcer.receiptOf(peer)?.sn === sn
      const peers = node.pins.peers().map((peer) => ({ peer: peer.pin.name, told: told(peer) }))
      return { id, sn, peers }
    },
    exportKeyLog: async ({ peer }) => exportOf(node, peer === undefined ? peer : find(node, peer)),
    drillRotation: async ({ passphrase }) => await drillOf(node, passphrase),
    peerKeys: async ({ name }) => reportPeerKeys(node, find(node, name)),
    settlePeer: async ({ dryRun = false, hash, name }) => {
      const settlement = settlementOf(reportPeerKeys(node, find(node, name)), hash)
      if (!dryRun) await settle(node, settlement)
      return settlement
    },
  }
}

async function drillOf(node: KithNode, passphrase: string | undefined): Promise<DrillReport> {
  const { clock, config, home, keys, pins, self } = node
  return drill({
    log: self.events,
    ...(await openingOf(home.path, passphrase)),
    waitingSince: (await keys.rotation.waiting())?.at,
    lobbyOff: config.lobby.mode === 'off',
    running: true,
    peers: pins.peers().map((peer) => drillPeer(node, peer)),
    now: clock.now(),
  })
}

/** @throws {KithError} `unknown-peer` when it has not shown its log yet */
function exportOf({ pins, self }: KithNode, peer: Peer | undefined): KeyLogExport {
  if (peer === undefined) return reportExport(self.events, false)
  const known = peer.id === undefined ? undefined : pins.keysOf(peer.id)
  if (known === undefined) throw logNotShown(peer)
  return reportExport(known.held.events, known.frozen)
}

function drillPeer({ keys, links }: KithNode, peer: Peer): DrillPeer {
  return {
    name: peer.pin.name,
    standing: keys.announcer.standing(peer),
    sn: keys.announcer.receiptOf(peer)?.sn,
    connected: peer.id !== undefined && links.get(peer.id) !== undefined,
    hasAddress: peer.pin.addresses.length > 0,
    frozen: peer.frozen,
    retired: peer.retired,
    unpinnedUs: peer.unpinnedUsAt !== undefined,
  }
}

function find(node: KithNode, name: string): Peer {
  const peer = node.pins.byName(name)
  if (peer === undefined) throw unknownPeer(name)
  return peer
}
