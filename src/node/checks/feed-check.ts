import type { FeedStore } from '../scheduler/feed/feed-store.ts'
import type { JobHost } from '../scheduler/job-host.ts'
import { ok } from './finding.ts'
import type { Finding } from './finding.ts'

/** What the check of the feeds looks at. */
export interface FeedChecked {
  readonly jobs: Pick<JobHost, 'list'> & { readonly feeds: Pick<FeedStore, 'jobs' | 'open'> }
}

/** Feeds that take no more, items that were set aside, and items that no job is there for. */
export async function feedFindings({ jobs }: FeedChecked): Promise<Finding[]> {
  const fed = jobs.list().filter(({ feed }) => feed !== undefined)
  const found: Finding[] = []
  for (const { name } of fed) {
    const { items, state } = await jobs.feeds.open(name)
    const aside = items.filter((item) => item.state === 'quarantined').length
    if (aside > 0) {
      found.push({
        state: 'warn',
        what: `${amount(aside)} of job ${name} ${aside === 1 ? 'was' : 'were'} set aside`,
        hint: `kith jobs feed ${name} --quarantined`,
      })
    }
    if (state.full !== undefined) {
      const what = `the feed of job ${name} is full: ${state.full}; ${state.behind} files wait`
      found.push({ state: 'warn', what, hint: `kith jobs feed ${name}` })
    }
  }
  const names = new Set(fed.map(({ name }) => name))
  for (const name of await jobs.feeds.jobs()) {
    if (names.has(name)) continue
    const { load } = await jobs.feeds.open(name)
    if (load.items === 0) continue
    const what = `${amount(load.items)} of the feed of job ${name}, which is there no more, not done`
    found.push({ state: 'warn', what, hint: `give the job ${name} its feed back in jobs.yaml` })
  }
  return found.length > 0
    ? found
    : [ok(fed.length === 0 ? 'there are none' : 'nothing was set aside')]
}

function amount(items: number): string {
  return items === 1 ? '1 item' : `${items} items`
}
