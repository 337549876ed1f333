import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Dialer } from '../dialer.ts'
import type { Lobby } from '../lobby.ts'
import type { Mesh } from '../mesh.ts'
import type { Peer, Pins } from '../pins.ts'
import type { Strangers } from '../strangers.ts'
import { minuteText, ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'
import { diagnose } from './peer-diagnosis.ts'

/** A change of a peer's key is told of for so long. */
const ROTATED_MS = 7 * 86_400_000

/** What the checks of connections look at. */
export interface MeshChecked {
  readonly clock: Pick<Clock, 'now'>
  readonly pins: Pick<Pins, 'keysOf' | 'peers'>
  /** The link to the node with this id, while it is up. */
  readonly links: { get: (id: string) => unknown }
  readonly dialer: Pick<Dialer, 'state'>
  readonly lobby: Pick<Lobby, 'open'>
  readonly strangers: Pick<Strangers, 'blocks'>
  readonly mesh: Pick<Mesh, 'addresses'>
  readonly config: Pick<Config, 'lobby' | 'listen'>
}

/** After a change of keys the listener begins anew, and somebody else may have taken its place. */
export function listenerFinding({ config, mesh }: MeshChecked): Finding {
  const addresses = mesh.addresses()
  if (addresses.length > 0) return ok(`listens on ${addresses.join(', ')}`)
  if (config.listen.length === 0) return ok('listens nowhere, as configured')
  const what = `does not listen on ${config.listen.join(', ')}`
  return { state: 'fail', what, hint: 'see who has the port, then: kith stop; kith start' }
}

/** Whether peers that have to show their key log can. */
export function lobbyFinding({ config, lobby, pins }: MeshChecked): Finding {
  if (config.lobby.mode === 'auto') {
    return ok(
      lobby.open ? 'is open: a pinned node may come with another key' : 'is shut: nobody needs it',
    )
  }
  const waiting = pins.peers().filter((peer) => peer.key === undefined && !peer.retired)
  if (waiting.length === 0) return ok('is off')
  const names = waiting.map(({ pin }) => pin.name).join(', ')
  return {
    state: 'warn',
    what: `is off, so that no peer that calls us can show its key log: ${names}`,
    hint: 'set lobby.mode to auto in config.yaml, then restart',
  }
}

/** How it stands with one pinned peer. */
export function peerFinding(node: MeshChecked, peer: Peer): Finding {
  const { id, key, pin } = peer
  const { addresses, name } = pin
  if (peer.frozen) {
    return {
      state: 'fail',
      what: `${name} is frozen: two key logs stand against each other, and one may be a thief's`,
      hint: `ask its owner over another channel, who can type: kith key recover`,
    }
  }
  if (peer.retired) {
    const hint = `kith peers remove ${name}`
    return { state: 'warn', what: `${name} has retired and does not come back`, hint }
  }
  const blocked = [id, key, pin.key].find((who) => who !== undefined && node.strangers.blocks(who))
  if (blocked !== undefined) {
    const hint = `kith peers unblock ${blocked}`
    return { state: 'warn', what: `${name} is pinned and blocked, so it is not let in`, hint }
  }
  if (peer.unpinnedUsAt !== undefined) {
    const hint = `kith peers remove ${name}`
    return { state: 'warn', what: `${name} has unpinned this node, and is not dialled`, hint }
  }
  if (id !== undefined && node.links.get(id) !== undefined) return connectedFinding(node, id, name)
  const { lastError, otherKey } = node.dialer.state(name) ?? {}
  if (lastError !== undefined) {
    const { cause, hint, what } = diagnose(name, { lastError, otherKey })
    return warn(what, hint, { peer: name, cause })
  }
  if (addresses.length > 0) return ok(`${name} is being dialled`)
  if (key === undefined) {
    return {
      state: 'warn',
      what: `${name} has no address here and has not connected yet`,
      hint: `kith peers set-address ${name} /ip4/…/tcp/…`,
    }
  }
  return ok(`${name} is not connected; without an address here, it is the one that calls`)
}

/** A key that changed lately is told of, so that nobody has to wonder why its words are others. */
function connectedFinding({ clock, pins }: MeshChecked, id: string, name: string): Finding {
  const held = pins.keysOf(id)?.held
  const changedAt = held !== undefined && held.events.length > 1 ? held.seenAt.at(-1) : undefined
  if (changedAt === undefined || clock.now() - changedAt > ROTATED_MS) {
    return ok(`${name} is connected`)
  }
  return ok(`${name} is connected; its key has changed, which was seen ${minuteText(changedAt)}`)
}
