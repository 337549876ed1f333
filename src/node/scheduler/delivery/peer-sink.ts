import { KithError, isFailure, isWireCode, WIRE_CODES } from '../../../protocol/errors.ts'
import { ASK_RETENTION_MS, MAX_ASK_TEXT_BYTES } from '../../../protocol/limits.ts'
import { uuidTime, uuidV7 } from '../../../protocol/uuid.ts'
import type { AskFinal } from '../../../protocol/verbs.ts'
import type { AskDesk } from '../../asks/ask-desk.ts'
import type { AskHandle } from '../../asks/handle.ts'
import type { Clock } from '../../clock.ts'
import type { Delivery, TryEnd } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'

/** Time that a peer has for its answer to a result, in ms. */
const PEER_TIMEOUT_MS = 600_000

export interface PeerSinkComponents {
  desk: Pick<AskDesk, 'ask' | 'find'>
  deliveries: Pick<DeliveryStore, 'change'>
  clock: Clock
  randomBytes: (count: number) => Uint8Array
}

/**
 * Brings a result to a peer, as an ask without tools: to whoever reads it there it is a text. The id of the ask is on
 * disk before the ask is, and another one is made only when the first has not begun: it never runs twice.
 */
export async function deliverToPeer(
  components: PeerSinkComponents,
  delivery: Delivery,
  peer: string,
  text: string,
  signal: AbortSignal,
): Promise<TryEnd> {
  if (Buffer.byteLength(text) > MAX_ASK_TEXT_BYTES) {
    const why = `an ask has at most ${MAX_ASK_TEXT_BYTES} bytes`
    return { kind: 'failed', code: 'too-large', why, again: false }
  }
  try {
    const handle =
      (await made(components, delivery)) ?? (await make(components, delivery, peer, text))
    return endOf(await finalOf(handle, signal))
  } catch (err) {
    if (!isFailure(err) || signal.aborted) throw err
    return { kind: 'failed', code: err.code, why: err.message, again: mayAgain(err.code) }
  }
}

/**
 * The ask that the process before this one has made for it.
 *
 * @throws {KithError} `interrupted` for one that is so old that its end, whichever it was, is forgotten
 */
async function made(
  { clock, desk }: PeerSinkComponents,
  { ask }: Delivery,
): Promise<AskHandle | undefined> {
  if (ask === undefined) return undefined
  return await desk.find(ask).catch((err: unknown) => {
    if (!isFailure(err, 'unknown-ask')) throw err
    if (clock.now() - uuidTime(ask) < ASK_RETENTION_MS) return undefined
    throw new KithError('interrupted', 'nobody knows any more how its ask has ended', {})
  })
}

async function make(
  { clock, deliveries, desk, randomBytes }: PeerSinkComponents,
  { delivery, run }: Delivery,
  peer: string,
  text: string,
): Promise<AskHandle> {
  const ask = uuidV7(clock.now(), randomBytes(10))
  await deliveries.change(run, (row) => (row.delivery === delivery ? { ...row, ask } : undefined))
  return await desk.ask({ peer, text, ask, preset: 'none', timeoutMs: PEER_TIMEOUT_MS })
}

async function finalOf(handle: AskHandle, signal: AbortSignal): Promise<AskFinal> {
  const events = handle.read(0, signal)
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) return value
  }
}

function endOf(final: AskFinal): TryEnd {
  if (final.outcome === 'done') return { kind: 'done' }
  const { code } = final
  return { kind: 'failed', code, why: `the ask failed: ${code}`, again: mayAgain(code) }
}

/** True for the end of an ask that has not begun: its peer was not there, or had no room for it. */
function mayAgain(code: string): boolean {
  if (code === 'unreachable') return true
  // What has broken at the peer has broken on the way: the ask had begun.
  return isWireCode(code) && code !== 'internal' && WIRE_CODES[code].retryable
}
