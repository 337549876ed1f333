import { isMap } from '../../protocol/message.ts'
import type { Body } from '../../protocol/message.ts'

/** The id by which a call is the same as another one, if it has one: that of the ask that it is about. */
export function traceOf(body: Body): string | undefined {
  const ask = isMap(body) ? body['ask'] : undefined
  return typeof ask === 'string' && ask.length <= 36 ? ask : undefined
}

/** True for the pings by which links find out that the other side lives: no call that anybody made. */
export function isHeartbeat(verb: string, body: Body): boolean {
  const nonce = verb === 'ping' && isMap(body) ? body['nonce'] : undefined
  return nonce instanceof Uint8Array && nonce.byteLength === 0
}
