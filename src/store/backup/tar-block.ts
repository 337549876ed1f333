/** Headers, and what fills content up, come in blocks of this length (POSIX.1-2017, pax, ustar interchange format). */
export const TAR_BLOCK_BYTES = 512

/** Ends an archive: two blocks of zeros. */
export const TAR_END: Uint8Array = Buffer.alloc(2 * TAR_BLOCK_BYTES)

/** A regular file, as its header says it. */
export interface TarFile {
  name: string
  bytes: number
  executable?: true
}

/** Longest name that has room in a header. */
const MAX_HEADER_NAME_BYTES = 100

/** Stands in a header for a name that is in the record before it. */
const LONG_NAME = 'long-name'

const SIZE_OFFSET = 124
const SIZE_DIGITS = 11
const CHECKSUM_OFFSET = 148
const CHECKSUM_FIELD_BYTES = 8

/**
 * The one or three blocks that stand before the content of a file, which nothing but its arguments decides: it is
 * nobody's, was changed at `seconds` since the epoch, and has a pax record when its name is long.
 */
export function tarHead({ name, bytes, executable }: TarFile, seconds: number): Uint8Array {
  const mode = executable === true ? 0o700 : 0o600
  if (Buffer.byteLength(name) <= MAX_HEADER_NAME_BYTES) {
    return header({ name, bytes, mode, type: '0', seconds })
  }
  const record = Buffer.from(paxRecord('path', name))
  return Buffer.concat([
    header({ name: LONG_NAME, bytes: record.byteLength, mode: 0o600, type: 'x', seconds }),
    record,
    Buffer.alloc(tarPadding(record.byteLength)),
    header({ name: LONG_NAME, bytes, mode, type: '0', seconds }),
  ])
}

/** How many zeros follow so many bytes of content. */
export function tarPadding(bytes: number): number {
  return (TAR_BLOCK_BYTES - (bytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES
}

/** What a header says of the length of its content; NaN when that is no number. The rest is not looked at. */
export function tarSize(header: Uint8Array): number {
  const digits = Buffer.from(header).toString('latin1', SIZE_OFFSET, SIZE_OFFSET + SIZE_DIGITS)
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
}

/** When a header says that its file was changed, in s since the epoch; NaN when that is no number. */
export function tarSeconds(header: Uint8Array): number {
  const digits = Buffer.from(header).toString('latin1', 136, 136 + SIZE_DIGITS)
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
}

function header(fields: {
  name: string
  bytes: number
  mode: number
  type: '0' | 'x'
  seconds: number
}): Uint8Array {
  const block = Buffer.alloc(TAR_BLOCK_BYTES)
  block.write(fields.name, 0)
  block.write(octal(fields.mode, 7), 100)
  block.write(octal(0, 7), 108)
  block.write(octal(0, 7), 116)
  block.write(octal(fields.bytes, SIZE_DIGITS), SIZE_OFFSET)
  block.write(octal(fields.seconds, SIZE_DIGITS), 136)
  block.write(fields.type, 156)
  block.write('ustar\0' + '00', 257)
  // The sum is of the block with blanks in the place of the sum.
  block.fill(' ', CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_FIELD_BYTES)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\0 `, CHECKSUM_OFFSET)
  return block
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** `length key=value`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const bytes = Buffer.byteLength(rest)
  let length = bytes + 1
  while (bytes + String(length).length !== length) length = bytes + String(length).length
  return `${length}${rest}`
}
