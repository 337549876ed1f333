import { NOTHING, limitOf, plus } from '../../../agent/budget.ts'
import type { SpendLimit } from '../../../agent/ports.ts'
import type { Entry } from '../../../store/journal.ts'
import { amountOf } from '../../agent/cost-record.ts'
import type { CostRecord } from '../../agent/cost-record.ts'
import type { DayTotal, Days, Spending, Spent, Today, Used } from '../../agent/spending.ts'
import type { Config } from '../../config.ts'
import type { Pins } from '../../pins.ts'
import { askerId, askerName } from '../asker-names.ts'
import type { AskerNames } from '../asker-names.ts'
import type {
  BUDGET_ROUTES,
  BudgetReport,
  CostRecordReport,
  CostSumReport,
  ScopeReport,
} from '../routes/budget.ts'
import type { HandlersOf } from '../routes/route.ts'

const FIRST_DAY = '0000-01-01'
const LAST_DAY = '9999-12-31'

const MEASURES = ['microUsd', 'tokens', 'calls', 'unpriced'] as const

const NO_SPENDING: Spent = { ...NOTHING, calls: 0, unpriced: 0 }

export interface BudgetNode extends AskerNames {
  pins: AskerNames['pins'] & Pick<Pins, 'peers'>
  readonly config: { agent: Pick<Config['agent'], 'budget'> }
  readonly agent: { spending: Pick<Spending, 'records' | 'today' | 'totals'> }
}

export function budgetHandlers(node: BudgetNode): HandlersOf<typeof BUDGET_ROUTES> {
  return {
    budget: async ({ peer }) =>
      peer === undefined ? await ofAll(node) : await ofOne(node, askerId(node, peer)),
    costs: async ({ from = FIRST_DAY, to = LAST_DAY }, signal) => costs(node, { from, to }, signal),
  }
}

async function ofAll(node: BudgetNode): Promise<BudgetReport> {
  const ids = node.pins.peers().flatMap(({ id }) => id ?? [])
  const today = await node.agent.spending.today([node.self.id, ...ids])
  const { askers, day, jobs, models, resetAt } = today
  const days = [...askers]
    .filter(([, used]) => isInUse(used))
    .map(([id, used]) => scopeOf('peer-day', used, resetAt, askerName(node, id)))
  return {
    day,
    ask: askCap(node),
    scopes: [scopeOf('day', today.node, resetAt), ...days, ...ofJobs(jobs, resetAt)],
    models: Array.from(models, ([model, spent]) => ({ model, ...spent })),
  }
}

async function ofOne(node: BudgetNode, id: string): Promise<BudgetReport> {
  const { spending } = node.agent
  const { askers, day, jobs, resetAt } = await spending.today([id])
  const used = askers.get(id)
  const models = new Map<string, Spent>()
  for await (const { body } of spending.records({ from: day, to: day })) {
    if (body.asker !== id) continue
    models.set(body.model, withRecord(models.get(body.model) ?? NO_SPENDING, body))
  }
  return {
    day,
    ask: askCap(node),
    scopes: [
      ...(used === undefined ? [] : [scopeOf('peer-day', used, resetAt, askerName(node, id))]),
      ...(id === node.self.id ? ofJobs(jobs, resetAt) : []),
    ],
    models: Array.from(models, ([model, spent]) => ({ model, ...spent })),
  }
}

function ofJobs(jobs: Today['jobs'], resetAt: number): ScopeReport[] {
  return Array.from(jobs, ([name, used]) => scopeOf('job', used, resetAt, name))
}

/** The records of some days, then their sum beside that of the ledger. */
async function* costs(
  node: BudgetNode,
  days: Days,
  signal: AbortSignal,
): AsyncGenerator<CostRecordReport | CostSumReport> {
  const { spending } = node.agent
  const before = sumOf(await spending.totals(days))
  let records = NO_SPENDING
  for await (const entry of spending.records(days)) {
    signal.throwIfAborted()
    records = withRecord(records, entry.body)
    yield recordOf(node, entry)
  }
  const ledger = sumOf(await spending.totals(days))
  // What is spent meanwhile may be in some of the three and not in others: all that is certain is their order.
  const complete = MEASURES.every(
    (measure) => before[measure] <= records[measure] && records[measure] <= ledger[measure],
  )
  yield { type: 'sum', records, ledger, complete }
}

function recordOf(node: AskerNames, { at, body, hash, seq }: Entry<CostRecord>): CostRecordReport {
  const asker = askerName(node, body.asker)
  return { type: 'record', seq, at, ...body, asker, hash: Buffer.from(hash).toString('hex') }
}

function scopeOf(
  scope: ScopeReport['scope'],
  { cap, left, reserved, ...spent }: Used,
  resetAt: number,
  who?: string,
): ScopeReport {
  return { scope, ...(who === undefined ? {} : { who }), cap, spent, reserved, left, resetAt }
}

function isInUse({ calls, cap, reserved }: Used): boolean {
  const capped = cap.microUsd !== undefined || cap.tokens !== undefined
  return capped || calls > 0 || reserved.microUsd > 0 || reserved.tokens > 0
}

function askCap({ config }: BudgetNode): SpendLimit {
  const { ask_tokens: tokens, ask_usd: usd } = config.agent.budget
  return limitOf({
    ...(usd === undefined ? {} : { usd }),
    ...(tokens === undefined ? {} : { tokens }),
  })
}

function sumOf(totals: readonly DayTotal[]): Spent {
  return totals.reduce((sum, { all }) => {
    const { calls, unpriced } = sum
    return { ...plus(sum, all), calls: calls + all.calls, unpriced: unpriced + all.unpriced }
  }, NO_SPENDING)
}

function withRecord(sum: Spent, record: CostRecord): Spent {
  return {
    ...plus(sum, amountOf(record)),
    calls: sum.calls + 1,
    unpriced: sum.unpriced + (record.microUsd === undefined ? 1 : 0),
  }
}
