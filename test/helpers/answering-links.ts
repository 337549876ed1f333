import type { Answer, LinkPeer } from '../../src/node/answer.ts'
import type { Link } from '../../src/node/link.ts'
import type { Call, Body } from '../../src/protocol/message.ts'
import { linkPair } from './links.ts'

/** Links to peers that a test plays, each with what it answers to a call. */
export class AnsweringLinks {
  /** Verbs that each peer was called with, in order. */
  readonly calls: [id: string, call: Call][] = []
  readonly #up = new Map<string, Link>()
  readonly #listeners = new Set<(peer: LinkPeer, up: boolean) => void>()

  get(id: string): Link | undefined {
    return this.#up.get(id)
  }

  onChange(listener: (peer: LinkPeer, up: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** A link to `peer` comes up, whose far end gives `answer`. */
  async up(peer: LinkPeer, answer: (call: Call) => Body | Promise<Body>): Promise<Link> {
    const { near } = await linkPair({
      near: { peer },
      far: {
        answer: ({ call }: Answer) => {
          this.calls.push([peer.id, call])
          return answer(call)
        },
      },
    })
    this.#up.set(peer.id, near)
    for (const listener of this.#listeners) listener(peer, true)
    return near
  }

  down(peer: LinkPeer): void {
    const link = this.#up.get(peer.id)
    this.#up.delete(peer.id)
    link?.abort(new Error('the link went down'))
    for (const listener of this.#listeners) listener(peer, false)
  }
}
