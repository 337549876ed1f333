import type { SentBytes, World } from './world.ts'

/** Something that holds whatever happens. */
export interface Invariant {
  /** States it. */
  title: string
  /** Throws when it does not hold. Called after each thing that happens, so it should be cheap. */
  always?: (world: World) => void
  /** The same, of all that a node sends. */
  onSend?: (world: World, sent: SentBytes) => void
  /** The same, once all has come to rest: every node is up, and nobody waits for anything. */
  atRest?: (world: World) => Promise<void>
}
