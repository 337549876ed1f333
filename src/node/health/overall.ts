import type { Component, Health } from './health-report.ts'

/**
 * How a node stands that has these components: without one of the required ones it is `unhealthy`, with something else
 * that is not well `degraded`. What is disabled counts for nothing; what was not checked is nobody's proof of health.
 */
export function overallOf(components: readonly Pick<Component, 'state' | 'required'>[]): Health {
  if (components.some(({ required, state }) => required && state === 'error')) return 'unhealthy'
  const ailing = components.some(({ state }) => state === 'error' || state === 'not-ready')
  return ailing ? 'degraded' : 'healthy'
}
