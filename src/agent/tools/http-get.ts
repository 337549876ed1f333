import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIPv6 } from 'node:net'
import type { LookupFunction } from 'node:net'
import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { KithError } from '../../protocol/errors.ts'

/** What the other side sent back. */
export interface Page {
  status: number
  /** In small letters, without parameters. */
  type: string
  /** Where it sends us on to. */
  location?: string
  /** Up to the limit, after decompression. */
  body: Buffer
  /** True if there was more. */
  cut: boolean
}

/**
 * One GET of `url` from `address` and from no other: the name is not looked up again, so that it cannot mean
 * another place by then. No cookie, no credential, no connection that is kept.
 *
 * @throws {KithError} `bad-request` for an encoding that was not asked for
 * @throws what the network says, or the signal's reason
 */
export async function httpGet(
  url: URL,
  { address, limitBytes, signal }: { address: string; limitBytes: number; signal: AbortSignal },
): Promise<Page> {
  const response = await responseOf(url, address, signal)
  try {
    const { location } = response.headers
    const [type = ''] = (response.headers['content-type'] ?? '').toLowerCase().split(';')
    const read = await readUpTo(decoded(response), limitBytes)
    return {
      ...read,
      status: response.statusCode ?? 0,
      type: type.trim(),
      ...(location === undefined ? {} : { location }),
    }
  } finally {
    response.destroy()
  }
}

function responseOf(url: URL, address: string, signal: AbortSignal): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const { promise, reject, resolve } = Promise.withResolvers<IncomingMessage>()
  request(url, {
    agent: false,
    lookup: pinned(address),
    signal,
    headers: { accept: 'text/*, application/json, application/xml', 'accept-encoding': 'gzip, br' },
  })
    .once('response', resolve)
    // It stays: an abort after the response is told here as well.
    .on('error', reject)
    .end()
  return promise
}

/** A lookup that knows one address, whatever it is asked. */
export function pinned(address: string): LookupFunction {
  const family = isIPv6(address) ? 6 : 4
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }])
    else callback(null, address, family)
  }
}

function decoded(response: IncomingMessage): Readable {
  const decoder = decoderOf(response.headers['content-encoding'])
  // The reader is told of what goes wrong by the decoder's own stream.
  return decoder === undefined ? response : pipeline(response, decoder, () => undefined)
}

function decoderOf(encoding = 'identity'): Transform | undefined {
  switch (encoding.toLowerCase()) {
    case 'identity':
      return undefined
    case 'gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    default:
      throw new KithError('bad-request', 'the page has an unknown encoding', { what: 'encoding' })
  }
}

/** What comes out of `source` first; the rest is not decompressed either. */
async function readUpTo(
  source: Readable,
  limitBytes: number,
): Promise<{ body: Buffer; cut: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > limitBytes) break
  }
  return { body: Buffer.concat(chunks).subarray(0, limitBytes), cut: bytes > limitBytes }
}
