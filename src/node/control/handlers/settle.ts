import { KithError } from '../../../protocol/errors.ts'
import { fingerprintWords } from '../../../protocol/node-id.ts'
import type { KithNode } from '../../node.ts'
import type { PeerKeysReport, SettlementReport } from '../routes/keys.ts'

/**
 * The branch of a frozen peer's key log whose last event has a hash that begins so.
 *
 * @throws {KithError} `not-frozen`; `unknown-branch` when it is none of them, or when it could be both: a thief can make
 *   the beginning of a hash as it wants it
 */
export function settlementOf(report: PeerKeysReport, hash: string): SettlementReport {
  const { conflict, id, peer, state } = report
  if (id === undefined || state !== 'frozen') throw notFrozen(peer)
  const fork = conflict[0]?.sn ?? 0
  const branches = [report.log, [...report.log.slice(0, fork), ...conflict]]
  const [log, other] = branches.filter((events) => events.at(-1)?.hash.startsWith(hash))
  if (log !== undefined && other === undefined) {
    return { peer, id, words: fingerprintWords(id), hash: log.at(-1)?.hash ?? '', log }
  }
  const what = log === undefined ? 'neither branch ends' : 'both branches end'
  throw new KithError(
    'unknown-branch',
    `${what} in an event whose hash begins with ${hash}`,
    { hash },
    { hint: `kith peers why ${peer}` },
  )
}

/** Keeps that branch, forgets the other, and dials whoever holds its key. @throws {KithError} `not-frozen` when another has settled it meanwhile */
export async function settle(
  { dialer, log, pins }: KithNode,
  { hash, id, peer }: Pick<SettlementReport, 'hash' | 'id' | 'peer'>,
): Promise<void> {
  if (!(await pins.settle(id, Buffer.from(hash, 'hex')))) throw notFrozen(peer)
  // It may have been turned away until now, and its next attempt be minutes away.
  dialer.wake()
  log.warn({ peer, hash }, 'key log settled by the owner')
}

function notFrozen(name: string): KithError<'not-frozen'> {
  const what = `nothing stands against the key log of ${name}: there is nothing to settle`
  return new KithError('not-frozen', what, { name })
}
