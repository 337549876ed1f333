import type { Peer, PeerId, PeerStore } from '@libp2p/interface'

/**
 * A peer store that knows nobody and forgets at once. Who our peers are stands in `peers.yaml`; libp2p's own store is
 * written for every stream that opens, sorts by the rules of a language, and tells us nothing.
 */
export const blankPeerStore: PeerStore = {
  forEach: async () => undefined,
  all: async () => [],
  delete: async () => undefined,
  has: async () => false,
  get: async (id) => blankPeer(id),
  getInfo: async (id) => ({ id, multiaddrs: [] }),
  save: async (id) => blankPeer(id),
  patch: async (id) => blankPeer(id),
  merge: async (id) => blankPeer(id),
  consumePeerRecord: async () => false,
}

function blankPeer(id: PeerId): Peer {
  return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
}
