import { Level } from 'level'
import { decode, encode } from '../protocol/cbor.ts'
import { KithError } from '../protocol/errors.ts'

/** What level's own `view` hands out are Buffers, whose slice() is a view where a Uint8Array's is a copy. */
export const BYTES = {
  name: 'bytes',
  format: 'buffer' as const,
  encode: (value: Uint8Array) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  decode: (row: Buffer) => new Uint8Array(row.buffer, row.byteOffset, row.byteLength),
}

export type LevelDb = Level<string, Uint8Array>

/**
 * The LevelDB in `folder`, open; made if there is none.
 *
 * @throws {KithError} `locked` when another process has it open, `corrupt` when it is damaged, `store-failed` when the
 *   disk does not give it out
 */
export async function openLevel(folder: string): Promise<LevelDb> {
  const level: LevelDb = new Level(folder, { valueEncoding: BYTES })
  await level.open().catch((err: unknown) => {
    throw openFailure(folder, err)
  })
  return level
}

/** The version of the layout of what is in `level`; undefined when nothing is. @throws {KithError} `corrupt` */
export async function readFormat(
  folder: string,
  level: Pick<LevelDb, 'sublevel'>,
): Promise<number | undefined> {
  const row = await metaOf(level).get('format')
  if (row === undefined) return undefined
  const version = decode(row)
  if (typeof version === 'number') return version
  throw new KithError('corrupt', `${folder} has no format version`, { what: folder })
}

/** Notes the version of its layout. On disk when this resolves. */
export async function writeFormat(level: LevelDb, version: number): Promise<void> {
  await level.batch([formatRow(level, version)], { sync: true })
}

// No return types: level exports no name for what its sublevel() returns.

/** The row that says which version its layout has. */
export function formatRow(level: Pick<LevelDb, 'sublevel'>, version: number) {
  return { type: 'put' as const, sublevel: metaOf(level), key: 'format', value: encode(version) }
}

function metaOf(level: Pick<LevelDb, 'sublevel'>) {
  return level.sublevel<string, Uint8Array>('meta', { valueEncoding: BYTES })
}

function openFailure(folder: string, err: unknown): unknown {
  const reason = err instanceof Error ? err.cause : undefined
  const code = reason instanceof Error && 'code' in reason ? reason.code : undefined
  if (code === 'LEVEL_LOCKED') {
    return new KithError(
      'locked',
      `another process has ${folder} open`,
      { home: folder },
      { cause: err, hint: 'kith status' },
    )
  }
  // A file of it that is gone is an error of the disk to LevelDB, and damage to whoever wants the store.
  const gone = reason instanceof Error && reason.message.includes('No such file')
  if (code === 'LEVEL_CORRUPTION' || (code === 'LEVEL_IO_ERROR' && gone)) {
    return new KithError(
      'corrupt',
      `${folder} is damaged`,
      { what: folder },
      { cause: err, hint: 'kith restore FILE' },
    )
  }
  if (code === 'LEVEL_IO_ERROR' && reason instanceof Error) {
    return new KithError(
      'store-failed',
      `${folder} cannot be opened: ${reason.message}`,
      { folder },
      { cause: err, hint: 'make the disk good, then start again' },
    )
  }
  return err
}
