import { KithError } from '../protocol/errors.ts'
import { SupervisedPart } from './supervisor/supervised-part.ts'
import type { Part, PartState, SupervisorComponents } from './supervisor/supervised-part.ts'

export type { Part, PartState } from './supervisor/supervised-part.ts'

/** The parts of a node: started in order, stopped in reverse after each has ended its work, supervised apart. */
export class Parts {
  readonly #components: SupervisorComponents & { clock: { now: () => number } }
  readonly #parts: SupervisedPart[]
  readonly #around: SupervisedPart[] = []
  #stopping = false

  constructor(components: SupervisorComponents, parts: readonly Part[]) {
    this.#components = components
    this.#parts = parts.map((part) => new SupervisedPart(components, part))
  }

  /** How each stands, in the order in which they start. */
  states(): PartState[] {
    return [...this.#around, ...this.#parts].map(({ state }) => state)
  }

  /** True from the beginning of a stop on, while they end their work too. */
  get stopping(): boolean {
    return this.#stopping
  }

  /** A part around the node, such as a socket, which whoever adds it starts before the node and stops after it. */
  add(part: Part): SupervisedPart {
    const supervised = new SupervisedPart(this.#components, part)
    this.#around.push(supervised)
    return supervised
  }

  /** @throws {KithError} what is for a person to mend, such as a file: to try it again would only hide it */
  async start(): Promise<void> {
    this.#stopping = false
    for (const part of this.#parts) await part.start((err) => err instanceof KithError)
  }

  /** Gives all of them `drainMs` together to end their work. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true
    const { clock } = this.#components
    const drainedAt = clock.now() + drainMs
    const reversed = this.#parts.toReversed()
    for (const part of reversed) await part.drain(Math.max(0, drainedAt - clock.now()))
    for (const part of reversed) await part.stop()
  }
}
