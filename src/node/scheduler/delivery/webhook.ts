import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { raceSignal } from 'race-signal'
import type { Secret } from '../../../agent/secret.ts'
import { isReachableAddress } from '../../../agent/tools/address-rules.ts'
import { addressesOf, systemResolver } from '../../../agent/tools/fetch.ts'
import type { Resolver } from '../../../agent/tools/fetch.ts'
import { pinned } from '../../../agent/tools/http-get.ts'
import { KithError, isFailure, toError } from '../../../protocol/errors.ts'
import { SOFTWARE } from '../../../protocol/software.ts'
import { parseSecretRef, resolveSecret } from '../../agent/secrets.ts'
import type { Clock } from '../../clock.ts'
import { shownUrl } from '../job-result.ts'

/*
 * Calls of webhooks as Standard Webhooks 1.0.0 has them (https://www.standardwebhooks.com): the headers webhook-id,
 * webhook-timestamp and webhook-signature, and a body of type, timestamp and data.
 */

/** A sink that has not answered by then has failed: name, connection, answer and all. */
export const WEBHOOK_TIMEOUT_MS = 20_000

/** Most of an answer that is read. It says nothing to us; a sink may want to be heard out. */
const MAX_REPLY_BYTES = 65_536

/** Bytes of a key that signs (Standard Webhooks, "Signature scheme"). */
const MIN_KEY_BYTES = 24
const MAX_KEY_BYTES = 64

const KEY_PREFIX = 'whsec_'

export interface WebhookComponents {
  clock: Clock
  /** @default the system's */
  resolver?: Resolver
  /** Where `env:` and `credential:` look. @default that of this process */
  env?: NodeJS.ProcessEnv
}

export interface WebhookCall {
  url: string
  /** The same each time that this is tried: by it, a sink knows what it has already. */
  id: string
  body: string
  /** A reference to the key that signs; without one, nothing is signed. */
  secret?: string | undefined
}

/** The body of a call. `at` is when what it tells of was, in ms since the epoch. */
export function webhookBody(type: string, at: number, data: object): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data })
}

/** `v1,` and the HMAC-SHA256 of id, time in seconds since the epoch, and body. */
export function webhookSignature(
  key: Uint8Array,
  id: string,
  seconds: number,
  body: string,
): string {
  const hmac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`)
  return `v1,${hmac.digest('base64')}`
}

/**
 * Posts `body` once, and resolves with the status of an answer that says it was taken. A redirect is not followed:
 * whoever answers could have the result go anywhere.
 *
 * @throws {KithError} `delivery-failed`; `denied` with rule `address` for where no webhook of anybody's is; what
 *   `resolveSecret` throws; the signal's reason
 */
export async function postWebhook(
  { clock, env, resolver = systemResolver }: WebhookComponents,
  { body, id, secret, url: text }: WebhookCall,
  signal: AbortSignal,
): Promise<number> {
  const url = new URL(text)
  const key = secret === undefined ? undefined : keyOf(await secretOf(secret, env))
  const late = new AbortController()
  const cancel = clock.after(WEBHOOK_TIMEOUT_MS, () => {
    late.abort(failure(url, `no answer within ${WEBHOOK_TIMEOUT_MS / 1_000} s`))
  })
  const ending = AbortSignal.any([signal, late.signal])
  try {
    // The system's own look-up cannot be ended.
    const addresses = await raceSignal(addressesOf(url, resolver, ending), ending)
    const headers = headersOf(body, id, key, Math.floor(clock.now() / 1_000))
    const status = await post(url, addressOf(url, addresses), headers, body, ending)
    if (status >= 200 && status <= 299) return status
    const moved = status >= 300 && status <= 399
    throw failure(url, `status ${status}${moved ? ': redirects are not followed' : ''}`)
  } catch (err) {
    if (ending.aborted) throw ending.reason
    throw isFailure(err) ? err : failure(url, toError(err).message, err)
  } finally {
    cancel()
  }
}

function headersOf(
  body: string,
  id: string,
  key: Uint8Array | undefined,
  seconds: number,
): Record<string, string | number> {
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': SOFTWARE,
    'webhook-id': id,
    'webhook-timestamp': seconds,
    ...(key === undefined ? {} : { 'webhook-signature': webhookSignature(key, id, seconds, body) }),
  }
}

/** One of `addresses`, if the owner may have something at each of them: whoever mixes others in means us to take one. */
function addressOf(url: URL, addresses: readonly string[]): string {
  const [first] = addresses
  if (first === undefined) throw failure(url, 'its host has no address')
  if (addresses.every(isReachableAddress)) return first
  throw new KithError('denied', `${url.host} is at an address that is called by nobody`, {
    rule: 'address',
  })
}

/** The status of the answer. */
async function post(
  url: URL,
  address: string,
  headers: Record<string, string | number>,
  body: string,
  signal: AbortSignal,
): Promise<number> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const { promise, reject, resolve } = Promise.withResolvers<IncomingMessage>()
  request(url, { method: 'POST', agent: false, lookup: pinned(address), signal, headers })
    .once('response', resolve)
    // It stays: an abort after the response is told here as well.
    .on('error', reject)
    .end(body)
  const response = await promise
  // The status says it all: however the rest goes, what was taken is taken.
  await readUpTo(response, MAX_REPLY_BYTES).catch(() => undefined)
  response.destroy()
  return response.statusCode ?? 0
}

async function readUpTo(response: IncomingMessage, limitBytes: number): Promise<void> {
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limitBytes) return
  }
}

async function secretOf(text: string, env: NodeJS.ProcessEnv | undefined): Promise<Secret> {
  const ref = parseSecretRef(text)
  if (ref === undefined) throw new TypeError(`no reference to a secret: ${text}`)
  return await resolveSecret(ref, 'webhook.secret', env)
}

/** @throws {KithError} `usage` */
function keyOf(secret: Secret): Uint8Array {
  const text = secret.reveal()
  const base64 = text.startsWith(KEY_PREFIX) ? text.slice(KEY_PREFIX.length) : text
  const key = Buffer.from(base64, 'base64')
  const whole = key.toString('base64').replace(/=+$/u, '') === base64.replace(/=+$/u, '')
  if (whole && key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES) return key
  const what = `webhook.secret: it is no key of ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes in base64`
  throw new KithError(
    'usage',
    what,
    { what: 'webhook.secret' },
    { hint: 'openssl rand -base64 32' },
  )
}

function failure(url: URL, why: string, cause?: unknown): KithError<'delivery-failed'> {
  const to = shownUrl(url.href)
  return new KithError('delivery-failed', `${to}: ${why}`, { to, why }, { cause })
}
