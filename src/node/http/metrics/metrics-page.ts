import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { VERSION } from '../../../protocol/software.ts'
import type { KithNode } from '../../node.ts'
import { METRICS } from './metrics.ts'
import type { Metric } from './metrics.ts'

/** Gauges that Node's own metrics name as counters are named, which they are not. */
const MISNAMED = ['active_handles', 'active_requests', 'active_resources']

/** What Prometheus reads of this node: all figures are those of the moment at which somebody asks. */
export class MetricsPage {
  readonly #node: KithNode
  readonly #registry = new Registry()
  readonly #metrics: readonly (readonly [Metric, Counter | Gauge])[]

  constructor(node: KithNode) {
    this.#node = node
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry, prefix: 'kith_' })
    for (const name of MISNAMED) this.#registry.removeSingleMetric(`kith_nodejs_${name}_total`)
    new Gauge({
      name: 'kith_build_info',
      help: 'What runs here.',
      labelNames: ['version'],
      registers,
    })
      .labels({ version: VERSION })
      .set(1)
    this.#metrics = METRICS.map((metric) => {
      const { help, kind, labels, name } = metric
      const init = { name, help, labelNames: [...labels], registers }
      return [metric, kind === 'counter' ? new Counter(init) : new Gauge(init)] as const
    })
  }

  get type(): string {
    return this.#registry.contentType
  }

  /** The text format 0.0.4 of Prometheus. */
  async text(): Promise<string> {
    for (const [{ read }, metric] of this.#metrics) {
      const readings = await read(this.#node)
      // What is gone, such as a peer that was unpinned, leaves no row behind. Two pages may be made at once.
      metric.reset()
      for (const [labels, value] of readings) metric.inc(labels, value)
    }
    return await this.#registry.metrics()
  }
}
