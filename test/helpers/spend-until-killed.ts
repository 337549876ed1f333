/**
 * Run as a process of its own: spends from the ledger in the folder given, eight calls at a time, under a cap of
 * `CAP_MICRO_USD` a day, until it is killed. Prints `reserved` and `settled` once each is acknowledged.
 */
import { pathToFileURL } from 'node:url'
import { isFailure } from '../../src/protocol/errors.ts'
import { LedgerHome, spendingAsk, usageOf } from './ledger-home.ts'

/** So much that it lasts some hundred calls, and is used up soon after. */
export const CAP_MICRO_USD = 20_000
export const MOST_MICRO_USD = 100

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const home = new LedgerHome(process.argv[2] ?? '')
  Object.assign(home.caps, { day: { microUsd: CAP_MICRO_USD } })
  const ledger = await home.open()
  await ledger.recover()
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(spend))
  // Nothing is left to spend: stays until it is killed, as a node does.
  process.stdout.write('spent\n')
  setInterval(() => {
    // Nothing: it only keeps the process alive.
  }, 1_000)

  async function spend(lane: number): Promise<void> {
    for (let nth = lane; ; nth += 8) {
      try {
        const reservation = await ledger.reserve(spendingAsk(nth), usageOf(MOST_MICRO_USD, 10))
        process.stdout.write('reserved\n')
        await reservation.settle(usageOf((nth * 37) % (MOST_MICRO_USD + 1), 5))
        process.stdout.write('settled\n')
      } catch (err) {
        if (isFailure(err, 'budget-exhausted')) return
        throw err
      }
    }
  }
}
