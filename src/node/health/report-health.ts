import { VERSION } from '../../protocol/software.ts'
import type { KithNode } from '../node.ts'
import type { HealthReport } from './health-report.ts'
import { openThings } from './open-things.ts'
import { overallOf } from './overall.ts'

/** All that `kith health` and `/health` show. */
export async function reportHealth({ clock, health, startedAt }: KithNode): Promise<HealthReport> {
  await health.refresh()
  const components = health.components()
  const at = clock.now()
  return {
    status: overallOf(components),
    version: VERSION,
    at,
    uptimeMs: Math.max(0, at - startedAt),
    components,
    counts: openThings(),
  }
}
