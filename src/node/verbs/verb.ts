import type { z } from 'zod'
import type { Body } from '../../protocol/message.ts'
import type { Answer } from '../answer.ts'
import type { KnownPeer } from '../pins.ts'

/** A call that the guard let in. */
export interface VerbCall<T> {
  peer: KnownPeer
  body: T
  answer: Answer
  /** In ms since the epoch. */
  now: number
}

/** One thing that a peer may ask of us: its shape, its own rules, and what it does. */
export interface Verb<T> {
  name: string
  body: z.ZodType<T>
  /** Answered also for a frozen peer: what it takes to find out, and nothing that acts. */
  whenFrozen?: boolean
  /** Answered also to a key that another has followed: what it takes to tell of that. */
  withOldKey?: boolean
  /** Refuses a body that is too long, before its shape is looked at. @throws {KithError} `too-large` */
  assertSize?: (body: Body) => void
  /**
   * Rules of this verb alone, after those that all verbs have. Reads only; what it returns writes, and is called
   * when nothing else can refuse.
   *
   * @throws {KithError} with a wire code
   */
  admit?: (call: VerbCall<T>) => () => void
  /** The end's body. @throws {KithError} with a wire code; anything else is `internal` to the peer */
  run: (call: VerbCall<T>) => Body | Promise<Body>
}

/** A verb among others, its body's type known to itself alone. */
export type AnyVerb = Verb<unknown>

/** Makes a verb fit for the table of all: its schema is what makes that safe, since nothing else makes a body. */
export function defineVerb<T>(verb: Verb<T>): AnyVerb {
  return verb as AnyVerb
}
