import type { Hello } from '../../protocol/message.ts'
import type { Pins } from '../pins.ts'
import { ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'

/** Clocks may differ by so much before anything that goes by them is off: hours of grants, expiries, due times. */
const MAX_SKEW_MS = 30_000

/** A link, as far as it tells of the node at its other end. */
export interface MetPeer {
  readonly hello: Hello | undefined
  readonly openedAt: number
}

/** What the checks of connected peers look at. */
export interface MetChecked {
  readonly pins: Pick<Pins, 'peers'>
  /** The link to the node with this id, while it is up. */
  readonly links: { get: (id: string) => MetPeer | undefined }
}

/** Peers whose clock was far from ours when their link came up, and whether it is ours that is wrong. */
export function clockFindings(node: MetChecked): Finding[] {
  const met = metPeers(node).map(({ hello, link, name }) => ({
    name,
    skewMs: hello.at - link.openedAt,
  }))
  const off = met.filter(({ skewMs }) => Math.abs(skewMs) > MAX_SKEW_MS)
  if (off.length === 0) {
    return [ok(met.length === 0 ? 'no peer is here to compare with' : 'is that of the peers')]
  }
  const sides = new Set(off.map(({ skewMs }) => Math.sign(skewMs)))
  if (off.length > 1 && off.length * 2 > met.length && sides.size === 1) {
    const [{ skewMs } = { skewMs: 0 }] = off
    const what = `the clock of this machine is ${spanText(skewMs)} ${skewMs > 0 ? 'behind' : 'ahead of'} those of ${off.length} of ${met.length} peers`
    return [warn(what, 'timedatectl set-ntp true', { skewMs })]
  }
  return off.map(({ name, skewMs }) => {
    const what = `the clock of ${name} is ${spanText(skewMs)} ${skewMs > 0 ? 'ahead of' : 'behind'} ours`
    const hint = `see which one is wrong; on that machine: timedatectl set-ntp true`
    return warn(what, hint, { peer: name, skewMs })
  })
}

/** Pinned peers with a link that has said its hello. */
export function metPeers({
  links,
  pins,
}: MetChecked): { name: string; link: MetPeer; hello: Hello }[] {
  return pins.peers().flatMap(({ id, pin: { name } }) => {
    const link = id === undefined ? undefined : links.get(id)
    return link?.hello === undefined ? [] : [{ name, link, hello: link.hello }]
  })
}

function spanText(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000)
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}
