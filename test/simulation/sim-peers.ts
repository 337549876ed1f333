import { Document } from 'yaml'
import type { PeersSource } from '../../src/node/peers-source.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { peersSchema } from '../../src/protocol/pin.ts'
import type { Pin, PeerRow } from '../../src/protocol/pin.ts'
import { applyEdit } from '../../src/store/peers-edit.ts'

/** A node's peers.yaml, without the file: it is replaced as a whole, and safe before anybody is told. */
export class SimPeers {
  #rows: PeerRow[] = []

  get rows(): readonly PeerRow[] {
    return this.#rows
  }

  /** How the node with this id is pinned. */
  of(id: string): PeerRow | undefined {
    return this.#rows.find((row) => row.id === id)
  }

  /** Puts other content there, as somebody who does not run. */
  set(rows: readonly PeerRow[]): void {
    this.#rows = [...rows]
  }

  /** As a process sees it. Nobody but that process changes it. */
  get source(): PeersSource {
    return {
      watch: async ({ onChange }) => {
        onChange(this.#pins())
        return async () => undefined
      },
      edit: async (edit) => {
        const document = new Document({ version: 1, peers: this.#rows })
        applyEdit(document, edit)
        const after = document.toJS() as { peers: PeerRow[] }
        const { error, success } = peersSchema.safeParse(after)
        if (!success) throw new KithError('usage', error.message, { what: 'peers' })
        this.#rows = after.peers
        return this.#pins()
      },
    }
  }

  #pins(): Pin[] {
    return peersSchema.parse({ version: 1, peers: this.#rows })
  }
}
