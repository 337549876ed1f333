import type { Component } from '../health/health-report.ts'

/** Of what is not ready, the names that others may hear: those of providers tell whose outage it is. */
export function notReadyIn(components: readonly Component[]): string[] {
  return components
    .filter(({ state }) => state === 'not-ready' || state === 'error')
    .map(({ name }) => name)
}
