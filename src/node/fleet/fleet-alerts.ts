import type { Alerts } from '../alerts.ts'
import type { Standing } from './standing.ts'

/** What is said of each state that somebody should know of. The same words each time, so that one alert stays one. */
const WHAT: Readonly<Partial<Record<Standing['state'], string>>> = {
  yellow: 'is yellow: it works, and needs a look',
  red: 'is red',
  unreachable: 'does not answer',
  denied: 'no longer lets this node see its status',
}

/** Raises an alert when what several samples agree on has become worse, and ends it when the peer is green again. */
export function tellOfChange(
  alerts: Pick<Alerts, 'raise' | 'settle'>,
  name: string,
  before: Standing | undefined,
  now: Standing,
): void {
  const { state } = now.steady
  // A peer that is looked at for the first time has not changed, unless it is somebody else.
  if (before === undefined ? now.identityChanged !== true : before.steady.state === state) return
  alerts.settle('peer-health', ({ peer }) => peer === name)
  const what = WHAT[state]
  if (what === undefined) return
  const changed = now.identityChanged === true ? `${name} is red: its identity has changed` : ''
  alerts.raise({
    kind: 'peer-health',
    peer: name,
    what: changed || `${name} ${what}`,
    hint: now.identityChanged === true ? `kith peers why ${name}` : `kith fleet history ${name}`,
  })
}
