import { encode } from './cbor.ts'
import {
  checkFieldNames,
  checkSignedAlone,
  nodeIdField,
  readEnvelope,
  signAlone,
  timeField,
} from './key-event-fields.ts'
import { refusal } from './key-log-refusal.ts'

/** A node's word that it has unpinned another. */
export interface Bye {
  /** Node id of who says it. */
  from: string
  /** Node id of who is unpinned. */
  to: string
  /** When, in ms since the epoch, by the clock of `from`. */
  at: number
}

const BYE_FIELDS = ['v', 't', 'from', 'to', 'at']

/**
 * The bye as a signed statement. `seed` is that of the key in force of `from`.
 *
 * @throws {KithError} `malformed` for a value that `readBye` would refuse
 */
export function createBye({ from, to, at, seed }: Bye & { seed: Uint8Array }): Uint8Array {
  const bytes = encode({ v: 1, t: 'bye', from, to, at })
  const signed = signAlone('bye', bytes, seed)
  readStatement(signed)
  return signed
}

/**
 * What a bye says that the holder of `key` has signed. Whether that is the key in force of `from` is the caller's to
 * know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`
 */
export function readBye(signed: Uint8Array, key: Uint8Array): Bye {
  const { bye, ...statement } = readStatement(signed)
  checkSignedAlone('bye', statement, key)
  return bye
}

function readStatement(signed: Uint8Array): {
  bye: Bye
  bytes: Uint8Array
  signatures: Uint8Array[]
} {
  const { bytes, fields, signatures } = readEnvelope(signed)
  if (fields['t'] !== 'bye') throw refusal('unknown event type')
  checkFieldNames(fields, BYE_FIELDS)
  const bye: Bye = {
    from: nodeIdField(fields, 'from'),
    to: nodeIdField(fields, 'to'),
    at: timeField(fields, 'at'),
  }
  return { bye, bytes, signatures }
}
