import { nodeIdField, timeField } from './key-event-fields.ts'
import { Statement } from './statement.ts'

/** A node's word that it has unpinned another. */
export interface Bye {
  /** Node id of who says it. */
  from: string
  /** Node id of who is unpinned. */
  to: string
  /** When, in ms since the epoch, by the clock of `from`. */
  at: number
}

const BYE = new Statement<Bye>({
  kind: 'bye',
  names: ['from', 'to', 'at'],
  fieldsOf: ({ at, from, to }) => ({ from, to, at }),
  valueOf: (fields) => ({
    from: nodeIdField(fields, 'from'),
    to: nodeIdField(fields, 'to'),
    at: timeField(fields, 'at'),
  }),
})

/**
 * The bye as a signed statement. `seed` is that of the key in force of `from`.
 *
 * @throws {KithError} `malformed` for a value that `readBye` would refuse
 */
export function createBye({ seed, ...bye }: Bye & { seed: Uint8Array }): Uint8Array {
  return BYE.create(bye, seed)
}

/**
 * What a bye says that the holder of `key` has signed. Whether that is the key in force of `from` is the caller's to
 * know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`
 */
export function readBye(signed: Uint8Array, key: Uint8Array): Bye {
  return BYE.read(signed, key)
}
