import type { FleetHint, FleetReport, FleetRow } from '../control/routes/fleet.ts'

/** What this node knows of itself, beside what its peers tell. */
export interface OwnView {
  software: string
  /** Names of what is not as it should be here. */
  notReady: readonly string[]
}

/** How the names of model providers begin among what is not ready. */
const PROVIDER = 'provider '

const SEVERITY: Readonly<Record<FleetRow['state'], number>> = {
  green: 0,
  yellow: 1,
  denied: 1,
  unreachable: 2,
  'never-seen': 2,
  red: 3,
}
const OVERALL = ['green', 'yellow', 'unreachable', 'red'] as const

/** The worst of all rows, unless it is this node that is off-line. */
export function overallOf(rows: readonly FleetRow[]): FleetReport['state'] {
  if (isOffline(rows)) return 'offline'
  return OVERALL[Math.max(0, ...rows.map(({ state }) => SEVERITY[state]))] ?? 'red'
}

/**
 * True when not one peer can be reached that could be at some time: that all of them go at once is less likely than
 * that this node has lost its network. One peer alone tells nothing.
 */
export function isOffline(rows: readonly Pick<FleetRow, 'state'>[]): boolean {
  const away = rows.filter(({ state }) => state === 'unreachable').length
  return away >= 2 && rows.every(({ state }) => isAway(state))
}

/** What several rows say together and none alone. */
export function hintsOf(rows: readonly FleetRow[], own: OwnView): FleetHint[] {
  if (isOffline(rows)) {
    const what = 'no peer answers: it is this node that seems to be off-line'
    return [{ kind: 'offline', what, hint: 'look at the network of this machine' }]
  }
  return [...outages(rows, own), ...regressions(rows), ...skew(rows, own)]
}

function isAway(state: FleetRow['state']): boolean {
  return state === 'unreachable' || state === 'never-seen'
}

/** A provider that fails at several nodes, and at most of them. */
function outages(rows: readonly FleetRow[], own: OwnView): FleetHint[] {
  const views = [
    { name: 'this node', notReady: own.notReady },
    ...answered(rows).map(({ name, status }) => ({ name, notReady: status.notReady })),
  ]
  const failing = views.flatMap(({ name, notReady }) =>
    notReady.filter((each) => each.startsWith(PROVIDER)).map((provider) => ({ name, provider })),
  )
  return [...Map.groupBy(failing, ({ provider }) => provider)].flatMap(([provider, found]) => {
    const names = found.map(({ name }) => name)
    if (names.length < 2 || 2 * names.length <= views.length) return []
    const what = `${provider} fails at ${names.join(', ')}: an outage of theirs, not of these nodes`
    return [{ kind: 'outage' as const, what, hint: 'see its status page; kith breaker list' }]
  })
}

/** A version that is red wherever it runs, while no other is. */
function regressions(rows: readonly FleetRow[]): FleetHint[] {
  const told = answered(rows)
  const red = told.filter(({ state }) => state === 'red')
  const versions = new Set(red.map(({ status }) => status.software))
  const [software] = versions
  if (software === undefined || versions.size > 1) return []
  const same = told.filter(({ status }) => status.software === software)
  if (same.length < 2 || same.length > red.length) return []
  const names = same.map(({ name }) => name).join(', ')
  const good = same
    .flatMap(({ lastGood }) => (lastGood === undefined ? [] : [lastGood]))
    .filter((version) => version.software !== software)
    .toSorted((a, b) => b.at - a.at)[0]
  const hint = good === undefined ? {} : { hint: `${good.software} was the last good version` }
  const what = `${software} is red wherever it runs (${names}): a fault of that version`
  return [{ kind: 'regression', what, ...hint }]
}

function skew(rows: readonly FleetRow[], own: OwnView): FleetHint[] {
  const nodes = [
    { name: 'this node', software: own.software },
    ...answered(rows).map(({ name, status }) => ({ name, software: status.software })),
  ]
  const versions = Map.groupBy(nodes, ({ software }) => software)
  if (versions.size < 2) return []
  const what = [...versions]
    .toSorted(([a], [b]) => (a < b ? 1 : -1))
    .map(([software, at]) => `${software} at ${at.map(({ name }) => name).join(', ')}`)
    .join('; ')
  return [{ kind: 'skew', what: `more than one version runs: ${what}` }]
}

/** Rows of peers that have answered just now. What one said before it went away counts for nothing here. */
function answered(
  rows: readonly FleetRow[],
): (FleetRow & { status: NonNullable<FleetRow['status']> })[] {
  return rows.flatMap((row) => {
    const { state, status } = row
    const current = state === 'green' || state === 'yellow' || state === 'red'
    return status === undefined || !current || row.identityChanged ? [] : [{ ...row, status }]
  })
}
