import { z } from 'zod'
import { SCOPE_NAMES } from '../../agent/budget.ts'
import type { Amount } from '../../agent/budget.ts'
import type { EngineAsk, Usage } from '../../agent/ports.ts'

const count = z.int().nonnegative()

const usageFields = {
  /** Our name for the provider, then its name for the model. */
  model: z.string(),
  inputTokens: count,
  outputTokens: count,
  /** Millionths of a US dollar; absent when the price is not known. */
  microUsd: z.exactOptional(count),
  /** True when it is not what the provider said, such as after a crash. */
  estimated: z.boolean(),
}

const payerFields = {
  /** The date that it counts for: that of the reservation. */
  day: z.iso.date(),
  ask: z.string(),
  /** Node id. */
  asker: z.string(),
  session: z.exactOptional(z.string()),
  /** Its name. */
  job: z.exactOptional(z.string()),
}

/** What one call of a model has cost, and for whom. */
export const costRecord = z.strictObject({ ...payerFields, ...usageFields })
export type CostRecord = z.infer<typeof costRecord>

/** A reservation as it is on disk until it is settled. */
export const openReservation = z.strictObject({
  ...payerFields,
  most: z.strictObject(usageFields),
  scopes: z.array(
    z.strictObject({
      name: z.enum(SCOPE_NAMES),
      key: z.string(),
      cap: z.strictObject({ microUsd: z.exactOptional(count), tokens: z.exactOptional(count) }),
      resetAt: count,
    }),
  ),
})
export type OpenReservation = z.infer<typeof openReservation>

/** A usage without what is undefined in it. */
export type StoredUsage = OpenReservation['most']

/** @throws {TypeError} for a count that is none: sums would be wrong for ever */
export function storedUsage({ microUsd, ...usage }: Usage): StoredUsage {
  const counts = [usage.inputTokens, usage.outputTokens, microUsd ?? 0]
  if (!counts.every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw new TypeError(`no usage of ${usage.model}: ${counts.join(', ')}`)
  }
  return microUsd === undefined ? usage : { ...usage, microUsd }
}

/** What a usage counts for; a price that is not known counts for nothing. */
export function amountOf({ inputTokens, microUsd = 0, outputTokens }: StoredUsage): Amount {
  return { microUsd, tokens: inputTokens + outputTokens }
}

/** What is noted of an ask that spends. */
export function payerOf(
  { asker, id, job, session }: EngineAsk,
  day: string,
): Pick<CostRecord, keyof typeof payerFields> {
  return {
    day,
    ask: id,
    asker: asker.id,
    ...(session === undefined ? {} : { session }),
    ...(job === undefined ? {} : { job: job.name }),
  }
}
