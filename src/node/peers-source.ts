import type { Pin } from '../protocol/pin.ts'
import type { PeerEdit } from '../store/peers-edit.ts'
import type { PeersListener } from '../store/peers-file.ts'

/** Where the pins stand: `peers.yaml`. */
export interface PeersSource {
  /** Reports the pins now and at each change, until the returned function is called. */
  watch(listener: PeersListener): Promise<() => Promise<void>>
  /** The pins after a change. @throws {KithError} */
  edit(edit: PeerEdit): Promise<Pin[]>
}
