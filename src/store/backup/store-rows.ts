import type { Database, Operation, Snapshot, Sublevel } from '../database.ts'
import { ByteReader } from './byte-reader.ts'
import { damagedBackup } from './manifest.ts'

/*
 * A store as a file: its rows in the order of their keys, each as
 * `u32 big-endian length of the key | u32 of the value | key (UTF-8) | value`, where a key is `!sublevel!key`. LevelDB's
 * own files are of one version of it and cannot be copied while it writes; rows are what a later store is made of too.
 */

const ROW_HEADER_BYTES = 8
const MAX_KEY_BYTES = 4_096

/** Longest value: a record holds a message or an answer, and those have limits far below. */
const MAX_VALUE_BYTES = 33_554_432

/** So much is read at once, and most rows: while they are laid out, the thread does nothing else. */
const READ_BYTES = 131_072
const MAX_READ_ROWS = 1_000

/** So much is written in one batch. */
const BATCH_BYTES = 262_144

/** `!sublevel!key`. */
const ROW_KEY = /^!([^!]+)!(.*)$/s

/** A row, its sublevel told apart from its key. */
export interface Row {
  sublevel: string
  key: string
  value: Uint8Array
}

/** Every row of `database` as it was in `snapshot`: always the same bytes. */
export async function* dumpRows(
  database: Database,
  snapshot: Snapshot,
): AsyncGenerator<Uint8Array> {
  const { db } = database.sublevel('meta')
  const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
  const options = { ...encodings, snapshot, highWaterMarkBytes: READ_BYTES }
  const rows = db.iterator<Uint8Array, Uint8Array>(options)
  try {
    for (;;) {
      const some = await rows.nextv(MAX_READ_ROWS)
      if (some.length === 0) return
      yield encodeRows(some)
    }
  } finally {
    await rows.close()
  }
}

/** The rows that `dumpRows` wrote. @throws {KithError} `corrupt` */
export async function* readRows(source: AsyncIterable<Uint8Array>): AsyncGenerator<Row> {
  const reader = new ByteReader(source)
  let before: Uint8Array | undefined
  for (;;) {
    const header = Buffer.from(await reader.upTo(ROW_HEADER_BYTES))
    if (header.byteLength === 0) return
    if (header.byteLength < ROW_HEADER_BYTES) throw damagedBackup('its store is cut off')
    const [keyBytes, valueBytes] = [header.readUInt32BE(0), header.readUInt32BE(4)]
    if (keyBytes > MAX_KEY_BYTES || valueBytes > MAX_VALUE_BYTES) {
      throw damagedBackup('a row of its store is too long')
    }
    const key = await reader.exactly(keyBytes)
    if (before !== undefined && Buffer.compare(before, key) >= 0) {
      throw damagedBackup('the rows of its store are not in their order')
    }
    before = key
    yield { ...parseKey(key), value: await reader.exactly(valueBytes) }
  }
}

/** Writes rows to `database`, which is new and empty, and resolves when they are on disk. */
export async function loadRows(database: Database, rows: AsyncIterable<Row>): Promise<void> {
  const sublevels = new Map<string, Sublevel>()
  let operations: Operation[] = []
  let bytes = 0
  for await (const { key, sublevel, value } of rows) {
    // There are few of them, and to make one takes longer than to write a row.
    const within = sublevels.get(sublevel) ?? database.sublevel(sublevel)
    sublevels.set(sublevel, within)
    operations.push({ type: 'put', sublevel: within, key, value })
    bytes += value.byteLength
    if (bytes < BATCH_BYTES && operations.length < 1_000) continue
    await database.write(operations, { durable: false })
    operations = []
    bytes = 0
  }
  // LevelDB's log is one file after the other: what is synced last is synced with all before it.
  await database.write(operations, { durable: true })
}

function encodeRows(rows: readonly [Uint8Array, Uint8Array][]): Uint8Array {
  const bytes = rows.reduce(
    (sum, [key, value]) => sum + ROW_HEADER_BYTES + key.byteLength + value.byteLength,
    0,
  )
  const piece = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const [key, value] of rows) {
    at = piece.writeUInt32BE(key.byteLength, at)
    at = piece.writeUInt32BE(value.byteLength, at)
    piece.set(key, at)
    at += key.byteLength
    piece.set(value, at)
    at += value.byteLength
  }
  return piece
}

function parseKey(bytes: Uint8Array): { sublevel: string; key: string } {
  const text = Buffer.from(bytes).toString()
  const [, sublevel, key] = ROW_KEY.exec(text) ?? []
  const isText = Buffer.compare(Buffer.from(text), bytes) === 0
  if (!isText || sublevel === undefined || key === undefined || !/^[a-z-]+$/.test(sublevel)) {
    throw damagedBackup('a row of its store has no name')
  }
  return { sublevel, key }
}
