/** What is kept of one job, the newest first, each with its place among all. */
interface Share<T> {
  left: [place: number, item: T][]
  sum: number
}

/**
 * What has to go of `items`, the newest first, for all that stays to weigh no more than `limit`: again and again the
 * oldest of the job that has most. So no job takes the room of one that has less than it.
 */
export function overShare<T extends { job: string }>(
  items: readonly T[],
  weigh: (item: T) => number,
  limit: number,
): T[] {
  const shares = [...Map.groupBy(items.entries(), ([, { job }]) => job).values()].map((left) => ({
    left,
    sum: left.reduce((sum, [, item]) => sum + weigh(item), 0),
  }))
  let excess = shares.reduce((sum, share) => sum + share.sum, 0) - limit
  const over: T[] = []
  while (excess > 0) {
    const most = shares.reduce((a, b) => (isMore(b, a) ? b : a))
    const oldest = most.left.pop()
    if (oldest === undefined) break
    const [, item] = oldest
    most.sum -= weigh(item)
    excess -= weigh(item)
    over.push(item)
  }
  return over
}

/** True when `a` is to give before `b`: it has more, or as much and what is older. */
function isMore<T>(a: Share<T>, b: Share<T>): boolean {
  if (a.sum !== b.sum) return a.sum > b.sum
  return (a.left.at(-1)?.[0] ?? 0) > (b.left.at(-1)?.[0] ?? 0)
}
