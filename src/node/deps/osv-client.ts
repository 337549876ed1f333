import { z } from 'zod'
import { advisoryOf, concerns, osvRecord } from './advisory.ts'
import type { Advisory } from './advisory.ts'
import type { LockedPackage } from './locked-packages.ts'

/** Longest time for one answer, and its most bytes. */
const TIMEOUT_MS = 15_000
const MAX_ANSWER_BYTES = 8_388_608

/** Packages in one query; the service takes 1,000. */
const BATCH = 500

/** Advisories that are fetched, and at once. More than this is no list of faults but a fault of the list. */
const MAX_ADVISORIES = 1_000
const PARALLEL = 4

/** Pages of one query: its next ones are asked for by a token. */
const MAX_PAGES = 20

const batchAnswer = z.looseObject({
  results: z.array(
    z.looseObject({
      vulns: z.array(z.looseObject({ id: z.string() })).optional(),
      next_page_token: z.string().optional(),
    }),
  ),
})

type Query = { package: { name: string; ecosystem: 'npm' }; version: string; page_token?: string }

/**
 * What the service at `base` (google.github.io/osv.dev/api) knows of these packages, at these versions. It is told which
 * these are, and nothing else.
 *
 * @throws what keeps it from being known, wholly
 */
export async function fetchAdvisories(
  base: string,
  packages: readonly LockedPackage[],
  signal: AbortSignal,
): Promise<Advisory[]> {
  /** By id, which packages it was found for. */
  const hits = new Map<string, LockedPackage[]>()
  for (let from = 0; from < packages.length; from += BATCH) {
    let queries = packages
      .slice(from, from + BATCH)
      .map(({ name, version }): Query => ({ package: { name, ecosystem: 'npm' }, version }))
    for (let page = 0; queries.length > 0; page++) {
      if (page === MAX_PAGES) throw new Error('the list of vulnerabilities has no end')
      const answer = await ask(`${base}/v1/querybatch`, signal, JSON.stringify({ queries }))
      const { results } = batchAnswer.parse(answer)
      if (results.length !== queries.length) throw new Error('an answer to another question came')
      for (const [at, { vulns = [] }] of results.entries()) {
        const query = queries[at]
        if (query === undefined) continue
        const one = { name: query.package.name, version: query.version }
        for (const { id } of vulns) hits.set(id, [...(hits.get(id) ?? []), one])
      }
      queries = results.flatMap(({ next_page_token: token }, at) => {
        const query = queries[at]
        return token === undefined || query === undefined ? [] : [{ ...query, page_token: token }]
      })
    }
  }
  if (hits.size > MAX_ADVISORIES) throw new Error(`${hits.size} vulnerabilities are too many`)
  const waiting = [...hits.keys()]
  const advisories: Advisory[] = []
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const url = `${base}/v1/vulns/${encodeURIComponent(id)}`
      const advisory = advisoryOf(osvRecord.parse(await ask(url, signal)))
      if (advisory !== undefined) advisories.push(withHits(advisory, hits.get(id) ?? []))
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return advisories.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The service has found these packages by it, also where its ranges are of a kind that is not read here. */
function withHits(advisory: Advisory, packages: readonly LockedPackage[]): Advisory {
  const missed = packages.filter((one) => concerns(advisory, one) === undefined)
  const named = missed.map(({ name, version }) => ({ name, ranges: [], versions: [version] }))
  return { ...advisory, affected: [...advisory.affected, ...named] }
}

async function ask(url: string, signal: AbortSignal, body?: string): Promise<unknown> {
  const response = await fetch(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    redirect: 'error',
    ...(body === undefined
      ? {}
      : { method: 'POST', body, headers: { 'content-type': 'application/json' } }),
  })
  if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`${new URL(url).host} answered too much`)
  }
  return JSON.parse(Buffer.concat(chunks).toString())
}
