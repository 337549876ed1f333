import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import ipaddr from 'ipaddr.js'
import { KithError } from '../../protocol/errors.ts'
import type { Secret } from '../secret.ts'
import { MAX_MESSAGE_BYTES } from './child-transport.ts'

export interface HttpServerInit {
  url: string
  /** Sent as a bearer token (RFC 6750). */
  key?: Secret
}

/**
 * The streamable HTTP transport of the Model Context Protocol to an address of the owner's: no redirect is followed,
 * so that the key goes nowhere else, and no answer is longer than `MAX_MESSAGE_BYTES`.
 *
 * @throws {KithError} `bad-request` for an address of another host that is not https
 */
export function httpTransport({ key, url }: HttpServerInit): StreamableHTTPClientTransport {
  const address = new URL(url)
  if (address.protocol !== 'https:' && !isLoopback(address.hostname)) {
    const message = `${address.origin}: over http, only this host is asked`
    throw new KithError('bad-request', message, { what: 'url' }, { hint: 'say https://…' })
  }
  return new StreamableHTTPClientTransport(address, {
    fetch: boundedFetch,
    requestInit: { redirect: 'error' },
    ...(key === undefined ? {} : { authProvider: { token: async () => key.reveal() } }),
  })
}

/** True for this host, by name or by address (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (host === 'localhost') return true
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback'
}

async function boundedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  if (response.body === null) return response
  let bytes = 0
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > MAX_MESSAGE_BYTES) controller.error(new Error('the answer is too long'))
      else controller.enqueue(chunk)
    },
  })
  const { headers, status, statusText } = response
  return new Response(response.body.pipeThrough(bounded), { headers, status, statusText })
}
