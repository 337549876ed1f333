import { isOpen } from '../../alerts.ts'
import { COMPONENT_STATES, HEALTH } from '../../health/health-report.ts'
import { openThings } from '../../health/open-things.ts'
import type { KithNode } from '../../node.ts'

/** A figure, and the labels that tell it from others of its name. */
export type Reading = [labels: Record<string, string>, value: number]

export interface Metric {
  name: string
  /** What it counts, for whoever reads the page. */
  help: string
  kind: 'counter' | 'gauge'
  labels: readonly string[]
  read: (node: KithNode) => readonly Reading[] | Promise<readonly Reading[]>
}

const alone = (value: number): Reading[] => [[{}, value]]
const seconds = (ms: number): number => ms / 1_000
const usd = (microUsd: number): number => microUsd / 1_000_000

/*
 * Each label has few values: our own words, names in our own files, and names of peers that are pinned. Nothing that a
 * peer can choose makes a row.
 */
export const METRICS: readonly Metric[] = [
  gauge('kith_uptime_seconds', 'Time since this node began to start.', ({ clock, startedAt }) =>
    alone(seconds(clock.now() - startedAt)),
  ),
  gauge(
    'kith_health',
    'How the node stands: 1 for the one that holds.',
    ({ health }) => {
      const overall = health.overall()
      return HEALTH.map((status) => [{ status }, Number(status === overall)])
    },
    ['status'],
  ),
  gauge(
    'kith_component_state',
    'How each component of the node stands: 1 for the one that holds.',
    ({ health }) =>
      health
        .components()
        .flatMap(({ name, state }) =>
          COMPONENT_STATES.map((each): Reading => [
            { component: name, state: each },
            Number(each === state),
          ]),
        ),
    ['component', 'state'],
  ),
  gauge(
    'kith_component_last_ok_timestamp_seconds',
    'When a component last did its work.',
    ({ health }) =>
      health
        .components()
        .flatMap(({ lastOkAt, name }): Reading[] =>
          lastOkAt === undefined ? [] : [[{ component: name }, seconds(lastOkAt)]],
        ),
    ['component'],
  ),
  counter(
    'kith_part_restarts_total',
    'How often a part of the node failed and was started again.',
    ({ parts }) => parts.states().map(({ part, restarts }) => [{ part }, restarts]),
    ['part'],
  ),
  gauge(
    'kith_peer_linked',
    'Whether a pinned peer is linked with this node.',
    ({ links, pins }) =>
      pins
        .peers()
        .map(({ id, pin }) => [
          { peer: pin.name },
          Number(id !== undefined && links.get(id) !== undefined),
        ]),
    ['peer'],
  ),
  gauge(
    'kith_peers',
    'Pinned peers.',
    ({ pins }) => {
      const peers = pins.peers()
      const count = (state: string, of: number): Reading => [{ state }, of]
      return [
        count('pinned', peers.filter(({ frozen, retired }) => !frozen && !retired).length),
        count('frozen', peers.filter(({ frozen }) => frozen).length),
        count('retired', peers.filter(({ retired }) => retired).length),
      ]
    },
    ['state'],
  ),
  gauge('kith_links', 'Links to peers that are up.', ({ links }) => alone(links.size)),
  gauge(
    'kith_asks',
    'Asks under way: those that run here, those that wait for their turn, and those on their way to peers.',
    ({ answerer, asker }) => [
      [{ state: 'running' }, answerer.counts.running],
      [{ state: 'queued' }, answerer.counts.queued],
      [{ state: 'out' }, asker.pending],
    ],
    ['state'],
  ),
  counter(
    'kith_asks_total',
    'Asks that came in, and asks that went out.',
    ({ health }) => health.totals.asks(),
    ['direction'],
  ),
  counter(
    'kith_asks_ended_total',
    'Asks that came to an end, by how they ended.',
    ({ health }) => health.totals.askEnds(),
    ['direction', 'state'],
  ),
  counter(
    'kith_peer_calls_total',
    'Calls of pinned peers, by what became of them.',
    ({ fleet }) =>
      fleet.policy
        .counters()
        .flatMap(({ peer, ...counts }) =>
          Object.entries(counts).map(([outcome, count]): Reading => [{ peer, outcome }, count]),
        ),
    ['peer', 'outcome'],
  ),
  gauge('kith_jobs_enabled', 'Jobs that are on.', ({ jobs }) =>
    alone(jobs.list().filter(({ enabled }) => enabled).length),
  ),
  gauge(
    'kith_runs',
    'Runs of jobs that are under way, and those that wait.',
    ({ jobs: { open } }) =>
      (['running', 'queued'] as const).map((state) => [
        { state },
        open.filter((run) => run.state === state).length,
      ]),
    ['state'],
  ),
  counter(
    'kith_runs_ended_total',
    'Runs of jobs that came to an end, by how they ended.',
    ({ health }) => health.totals.runEnds(),
    ['state'],
  ),
  gauge('kith_budget_spent_usd', 'Spent today, in US dollars.', async ({ agent }) =>
    alone(usd((await agent.spending.today()).node.microUsd)),
  ),
  gauge('kith_budget_limit_usd', 'The cap of a day, in US dollars.', async ({ agent }) => {
    const { microUsd } = (await agent.spending.today()).node.cap
    return microUsd === undefined ? [] : alone(usd(microUsd))
  }),
  gauge('kith_budget_spent_tokens', 'Tokens used today.', async ({ agent }) =>
    alone((await agent.spending.today()).node.tokens),
  ),
  gauge('kith_budget_limit_tokens', 'The cap of a day, in tokens.', async ({ agent }) => {
    const { tokens } = (await agent.spending.today()).node.cap
    return tokens === undefined ? [] : alone(tokens)
  }),
  gauge(
    'kith_backup_last_success_timestamp_seconds',
    'When a backup was last made, read back and tried out.',
    ({ backups }) => {
      const { drilledAt, madeAt, verifiedAt } = backups.records.ages
      const steps = { made: madeAt, verified: verifiedAt, drilled: drilledAt }
      return Object.entries(steps).flatMap(([step, at]): Reading[] =>
        at === undefined ? [] : [[{ step }, seconds(at)]],
      )
    },
    ['step'],
  ),
  gauge(
    'kith_breaker_open',
    'Whether a breaker keeps calls away from what fails.',
    ({ agent }) =>
      agent.breakers
        .list()
        .map(({ name, state }) => [{ breaker: name }, Number(state !== 'closed')]),
    ['breaker'],
  ),
  gauge('kith_alerts_open', 'Alerts that nobody has acknowledged.', ({ alerts }) =>
    alone(alerts.list().filter(isOpen).length),
  ),
  gauge('kith_approvals_waiting', 'Calls of tools that wait for a person.', ({ agent }) =>
    alone(agent.approvals.pending().length),
  ),
  counter('kith_store_writes_total', 'Writes that the store has done.', ({ storeWrites }) =>
    alone(storeWrites.done),
  ),
  gauge('kith_store_writes_waiting', 'Writes that wait for the disk.', ({ storeWrites }) =>
    alone(storeWrites.begun - storeWrites.done),
  ),
  gauge('kith_http_connections', 'TCP connections of the HTTP listener.', ({ http }) =>
    alone(http.state.connections.open),
  ),
  counter(
    'kith_http_connections_refused_total',
    'TCP connections that were closed because there were too many.',
    ({ http }) => alone(http.state.connections.displaced),
  ),
  gauge(
    'kith_open_things',
    'What this process holds open.',
    () => Object.entries(openThings()).map(([kind, { open }]) => [{ kind }, open]),
    ['kind'],
  ),
]

function gauge(
  name: string,
  help: string,
  read: Metric['read'],
  labels: readonly string[] = [],
): Metric {
  return { name, help, kind: 'gauge', labels, read }
}

function counter(
  name: string,
  help: string,
  read: Metric['read'],
  labels: readonly string[] = [],
): Metric {
  return { name, help, kind: 'counter', labels, read }
}
