import { z } from 'zod'
import { at, peerName, route, streamRoute } from './route.ts'

/** In all that follows, money is in millionths of a US dollar. */
const count = z.int().nonnegative()
const amount = z.strictObject({ microUsd: count, tokens: count })
/** Without a measure: without a limit in it. */
const limit = z.strictObject({ microUsd: z.exactOptional(count), tokens: z.exactOptional(count) })

const spent = amount.extend({
  calls: count,
  /** Calls among them whose price is not known: they count for no money. */
  unpriced: count,
})

export const scopeReport = z.strictObject({
  scope: z.enum(['day', 'job', 'peer-day']),
  /** Whose day it is: our name for a peer, `self`, or a node id; the name of a job. Absent for the day of the node. */
  who: z.exactOptional(z.string()),
  cap: limit,
  spent,
  /** Taken for calls under way. */
  reserved: amount,
  left: limit,
  resetAt: at,
})

export const budgetReport = z.strictObject({
  /** `2026-11-21`, by the calendar of this node. */
  day: z.string(),
  /** Most that any one ask may cost. */
  ask: limit,
  scopes: z.array(scopeReport),
  models: z.array(spent.extend({ model: z.string() })),
})

export const costRecordReport = z.strictObject({
  type: z.literal('record'),
  /** Its number in the ledger, without a gap but where days are left out. */
  seq: count,
  at,
  /** The date that it counts for. */
  day: z.string(),
  ask: z.string(),
  asker: z.string(),
  session: z.exactOptional(z.string()),
  job: z.exactOptional(z.string()),
  model: z.string(),
  inputTokens: count,
  outputTokens: count,
  /** Absent when the price is not known. */
  microUsd: z.exactOptional(count),
  estimated: z.boolean(),
  /** SHA-256 of the record in the ledger, which holds that of the one before. */
  hash: z.string(),
})

export const costSumReport = z.strictObject({
  type: z.literal('sum'),
  records: spent,
  /** What the ledger has for these days. */
  ledger: spent,
  /** Whether the one is the other: records are forgotten before the sums of their days are. */
  complete: z.boolean(),
})

export const BUDGET_ROUTES = {
  /** How far the caps of today are used: all of them, or those for one peer. */
  budget: route(
    'GET',
    '/v1/budget',
    z.strictObject({ peer: z.exactOptional(peerName) }),
    budgetReport,
  ),
  /** The cost records of these days, both included, then their sum. */
  costs: streamRoute(
    '/v1/budget/costs',
    z.strictObject({ from: z.exactOptional(z.iso.date()), to: z.exactOptional(z.iso.date()) }),
    z.discriminatedUnion('type', [costRecordReport, costSumReport]),
  ),
}

export type BudgetReport = z.infer<typeof budgetReport>
export type ScopeReport = z.infer<typeof scopeReport>
export type SpentReport = z.infer<typeof spent>
export type CostRecordReport = z.infer<typeof costRecordReport>
export type CostSumReport = z.infer<typeof costSumReport>
