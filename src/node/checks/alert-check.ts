import { isOpen } from '../alerts.ts'
import type { Alerts } from '../alerts.ts'
import { ok } from './finding.ts'
import type { Finding } from './finding.ts'

/** Alerts shown one by one; `kith alerts list` has all. */
const MAX_ALERTS_SHOWN = 20

/** The alerts that nobody has acknowledged. */
export function alertFindings(alerts: Pick<Alerts, 'list'>): Finding[] {
  const open = alerts.list().filter(isOpen)
  if (open.length === 0) return [ok('none is open')]
  const shown = open.slice(-MAX_ALERTS_SHOWN).map(({ count, hint, what }): Finding => {
    const times = count === 1 ? '' : ` (${count} times)`
    return { state: 'warn', what: `${what}${times}`, hint }
  })
  const hint = shown.length < open.length ? 'kith alerts list' : 'kith alerts ack --all'
  const are = open.length === 1 ? '1 alert is' : `${open.length} alerts are`
  const what = `${are} open until you acknowledge ${open.length === 1 ? 'it' : 'them'}`
  return [...shown, { state: 'warn', what, hint }]
}
