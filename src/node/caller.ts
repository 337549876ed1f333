import type { z } from 'zod'
import { isFailure } from '../protocol/errors.ts'
import type { Body } from '../protocol/message.ts'
import { parseBody } from '../protocol/verbs.ts'
import type { Dialer } from './dialer.ts'
import { cancelled } from './pending-calls.ts'
import type { CallOptions } from './pending-calls.ts'
import type { Links } from './links.ts'
import type { Peer } from './pins.ts'

export interface CallerComponents {
  links: Pick<Links, 'get'>
  dialer: Pick<Dialer, 'connect'>
}

export interface PeerCallOptions extends CallOptions {
  /** Called once the call is on its way: from then on the peer may have it, whatever comes back. */
  onSent?: () => void
  /** A second call would do a second thing: a link that is lost is not made up for. @default it would not */
  once?: true
}

/** Makes calls to peers: over the link that is up, or one that is dialled for it. */
export class Caller {
  readonly #components: CallerComponents

  constructor(components: CallerComponents) {
    this.#components = components
  }

  /**
   * The end of the call, as `schema` has it. All verbs but `job.run`, which is called `once`, may be called again with
   * the same body, so a link that is lost because another took its place costs one retry and no more.
   *
   * @throws {WireFailure} what the peer answered
   * @throws {KithError} `unreachable`, `connection-lost`, `deadline`, `cancelled`, or `bad-request` for an end that
   *   does not fit
   */
  async call<T>(
    peer: Peer,
    verb: string,
    body: Body,
    schema: z.ZodType<T>,
    options: PeerCallOptions,
  ): Promise<T> {
    const { once, signal } = options
    const link = await this.#components.dialer.connect(peer, signal).catch((err: unknown) => {
      throw signal?.aborted === true ? cancelled() : err
    })
    if (signal?.aborted !== true) options.onSent?.()
    try {
      return parseBody(schema, await link.call(verb, body, options))
    } catch (err) {
      if (once === true || !isFailure(err, 'connection-lost')) throw err
      const other = this.#components.links.get(link.peer.id)
      if (other === undefined || other === link) throw err
      return parseBody(schema, await other.call(verb, body, options))
    }
  }
}
