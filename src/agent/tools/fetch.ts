import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { z } from 'zod'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { AddressRules } from './address-rules.ts'
import { httpGet } from './http-get.ts'
import type { Page } from './http-get.ts'
import { defineTool } from './tool.ts'
import type { Tool, ToolOutput } from './tool.ts'

/** Most of a page that is read, after decompression. */
export const MAX_PAGE_BYTES = 262_144

/** A page that is not there by then is given up: lookups, redirects and all. */
export const FETCH_TIMEOUT_MS = 30_000

/** Most redirects that are followed. */
export const MAX_REDIRECTS = 5

const MAX_URL_CHARS = 2_048

/** Types of pages that are text. */
const TEXT_TYPE = /^(?:text\/.+|application\/(?:json|xml|javascript|.+\+(?:json|xml)))$/u

/** All addresses of a host name, IPv4 and IPv6. */
export type Resolver = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>

export interface FetchInit {
  /** Hosts, or `host:port`, that may be fetched without a question, also on a private network. @default none */
  allowHosts?: readonly string[]
  /** @default the system's */
  resolver?: Resolver
}

/**
 * The tool that gets a page. It waits for a person, host by host, save for the owner's list: the address alone
 * carries out what whoever wrote it put there. A redirect to another host is not followed but told.
 */
export function fetchTool({ allowHosts = [], resolver = systemResolver }: FetchInit = {}): Tool {
  const rules = new AddressRules(allowHosts)
  return defineTool({
    name: 'fetch',
    class: 'network',
    description: 'Gets the text of one page on the web.',
    input: z.strictObject({ url: z.string().min(1).max(MAX_URL_CHARS) }),
    risk: ({ url }) => (rules.listed(rules.urlOf(url)) ? 'safe' : 'caution'),
    what: ({ url }) => `fetch ${url}`,
    key: ({ url }) => `fetch ${rules.urlOf(url).origin}`,
    run: async ({ url }, { signal }) => {
      const timeout = AbortSignal.timeout(FETCH_TIMEOUT_MS)
      try {
        return await fetched(rules.urlOf(url), rules, resolver, AbortSignal.any([signal, timeout]))
      } catch (err) {
        if (timeout.aborted) throw failure(`it took more than ${FETCH_TIMEOUT_MS / 1_000} s`, err)
        throw isFailure(err) ? err : failure('the network failed', err)
      }
    },
  })
}

async function fetched(
  first: URL,
  rules: AddressRules,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<ToolOutput> {
  let url = first
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const address = rules.pick(url, await addressesOf(url, resolver, signal))
    const page = await httpGet(url, { address, limitBytes: MAX_PAGE_BYTES, signal })
    const next = nextOf(page, url, rules)
    if (next === undefined) return outputOf(page, url)
    if (next.host !== first.host && !rules.listed(next)) {
      return { text: `It is at another host now: ${next.href}`, source: first.href, failed: true }
    }
    url = next
  }
  throw failure(`it sent us on more than ${MAX_REDIRECTS} times`)
}

/** A name is looked up; an address stands for itself. `URL` has made one of all ways to write it (WHATWG URL §3.5). */
export async function addressesOf(
  { hostname }: URL,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/gu, '')
  return isIP(host) === 0 ? resolver(host, signal) : [host]
}

function nextOf({ location, status }: Page, url: URL, rules: AddressRules): URL | undefined {
  if (location === undefined || ![301, 302, 303, 307, 308].includes(status)) return undefined
  return rules.urlOf(location, url)
}

function outputOf({ body, cut, status, type }: Page, { href }: URL): ToolOutput {
  if (type !== '' && !TEXT_TYPE.test(type)) throw failure(`it is no text, but ${type}`)
  const more = cut ? `\n[cut here: only the first ${MAX_PAGE_BYTES} bytes were read]` : ''
  const failed = status < 200 || status > 299
  const head = failed ? `status ${status}\n` : ''
  return { text: `${head}${body.toString()}${more}`, source: href, failed }
}

/** As the system finds names, its own file of hosts and all. */
export const systemResolver: Resolver = async (hostname) => {
  const found = await lookup(hostname, { all: true })
  return found.map(({ address }) => address)
}

function failure(why: string, cause?: unknown): KithError<'bad-request'> {
  return new KithError(
    'bad-request',
    `the page was not fetched: ${why}`,
    { what: 'fetch' },
    { cause },
  )
}
