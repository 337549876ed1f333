import type { z } from 'zod'
import type { PeerCallOptions } from '../../src/node/caller.ts'
import { cancelled } from '../../src/node/pending-calls.ts'
import type { Peer } from '../../src/node/pins.ts'
import { KithError } from '../../src/protocol/errors.ts'
import type { Body } from '../../src/protocol/message.ts'
import { parseBody } from '../../src/protocol/verbs.ts'
import { aborted } from './stub-agent.ts'

/** Sends a piece of a reply. */
export type Say = (seq: number, body: Body) => void

export type Serve = (body: Body, say: Say) => Body | Promise<Body>

/** Calls as `Caller` makes them, to peers that a test plays: what each verb does is its script. */
export class StubCaller {
  /** Verb and body of every call that got out, in order. */
  readonly calls: { verb: string; body: Body }[] = []
  /** What each verb does. One without a script is never answered. */
  readonly serve = new Map<string, Serve>()
  /** False: nobody can be reached. A promise: whether somebody can is known when it settles. */
  reachable: boolean | Promise<boolean> = true

  call = async <T>(
    _peer: Peer,
    verb: string,
    body: Body,
    schema: z.ZodType<T>,
    options: PeerCallOptions,
  ): Promise<T> => {
    const { onEvent, onSent, signal = new AbortController().signal } = options
    const givenUp = aborted(signal).then(() => {
      throw cancelled()
    })
    if (!(await Promise.race([this.reachable, givenUp]))) {
      throw new KithError('unreachable', 'nobody', { peer: 'bert', reason: 'nobody is there' })
    }
    if (signal.aborted) throw cancelled()
    onSent?.()
    this.calls.push({ verb, body })
    // As a link does: a caller that cannot take an event gives its own call up.
    const { promise: unfit, reject } = Promise.withResolvers<never>()
    const say: Say = (seq, event) => {
      try {
        onEvent?.(seq, event)
      } catch (err) {
        reject(err instanceof Error ? err : new Error(String(err)))
      }
    }
    const never = new Promise<never>(() => undefined)
    const end = this.serve.get(verb)?.(body, say) ?? never
    return parseBody(schema, await Promise.race([end, unfit, givenUp]))
  }

  /** The verbs that were called since the last time. */
  verbs(): string[] {
    return this.calls.splice(0).map(({ verb }) => verb)
  }
}
