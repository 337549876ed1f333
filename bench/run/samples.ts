import { median } from './statistics.ts'

/** What is measured of each contender; the unit is in the name, CPU is per call. */
export type Figure =
  | 'rttP50Ms'
  | 'rttP99Ms'
  | 'callsPerSecond1'
  | 'callsPerSecond64'
  | 'clientCpuMicros1'
  | 'clientCpuMicros64'
  | 'serverCpuMicros1'
  | 'serverCpuMicros64'
  | 'brokerCpuMicros1'
  | 'brokerCpuMicros64'
  | 'importMs'
  | 'coldConnectMs'
  | 'warmConnectMs'

/** Each figure of one contender, once a round or more often. */
export class Samples {
  readonly #values = new Map<Figure, number[]>()

  add(figure: Figure, value: number): void {
    const values = this.#values.get(figure)
    if (values === undefined) this.#values.set(figure, [value])
    else values.push(value)
  }

  /** The median over the rounds; undefined of a figure that was not measured. */
  median(figure: Figure): number | undefined {
    return median(this.#values.get(figure) ?? [])
  }

  medians(): Record<string, number | undefined> {
    return Object.fromEntries([...this.#values].map(([figure, values]) => [figure, median(values)]))
  }

  toJSON(): Record<string, readonly number[]> {
    return Object.fromEntries(this.#values)
  }
}
