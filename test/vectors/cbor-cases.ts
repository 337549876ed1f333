import { encode } from '@ipld/dag-cbor'
import { fromHex, hex } from './seeds.ts'

/** Byte strings stand in JSON as `{"bytes": "<hex>"}`. */
const VALID: [name: string, json: unknown][] = [
  ['zero', 0],
  ['one', 1],
  ['last in the first byte', 23],
  ['first with a byte of its own', 24],
  ['last with one byte', 255],
  ['first with two bytes', 256],
  ['last with two bytes', 65_535],
  ['first with four bytes', 65_536],
  ['last with four bytes', 4_294_967_295],
  ['first with eight bytes', 4_294_967_296],
  ['greatest integer', Number.MAX_SAFE_INTEGER],
  ['minus one', -1],
  ['minus 24', -24],
  ['minus 25', -25],
  ['minus 256', -256],
  ['minus 257', -257],
  ['minus 2^32', -4_294_967_296],
  ['minus 2^32 − 1', -4_294_967_297],
  ['least integer', -Number.MAX_SAFE_INTEGER],
  ['false', false],
  ['true', true],
  ['null', null],
  ['empty text', ''],
  ['ASCII', 'IETF'],
  ['two-byte character', 'ü'],
  ['three-byte character', '水'],
  ['four-byte character', '𐅑'],
  ['NUL', '\0'],
  ['byte order mark is kept', '\uFEFFkith'],
  ['23 bytes of text', 'x'.repeat(23)],
  ['24 bytes of text', 'x'.repeat(24)],
  ['23 bytes of text, not ASCII', `${'x'.repeat(21)}ü`],
  ['empty bytes', { bytes: '' }],
  ['bytes', { bytes: '01020304' }],
  ['256 bytes', { bytes: 'ab'.repeat(256) }],
  ['empty array', []],
  ['array', [1, [2, 3], 'four', { bytes: '05' }]],
  ['25 items', Array.from({ length: 25 }, (_, i) => i + 1)],
  ['16 deep', nested(16)],
  ['empty map', {}],
  ['shorter keys first', { aa: 1, b: 2, '': 3, ccc: 4 }],
  ['keys of one length by byte', { b: 1, a: 2, B: 3, '1': 4 }],
  ['length of a key is that of its UTF-8', { ü: 1, zz: 2, 水: 3, a: 4 }],
  ['keys by UTF-8, not UTF-16', { '\u{10000}': 1, '\uFF61a': 2 }],
  ['names that objects inherit', { constructor: 1, toString: 2 }],
  ['a call', { t: 'call', id: 7, body: { nonce: { bytes: '00ff' } }, verb: 'ping' }],
]

const REFUSED: [name: string, hex: string, what: string][] = [
  ['nothing', '', 'truncated'],
  ['integer cut short', '1903', 'truncated'],
  ['text cut short', '6261', 'truncated'],
  ['long text cut short', '781861', 'truncated'],
  ['bytes cut short', '420a', 'truncated'],
  ['array cut short', '8201', 'truncated'],
  ['map cut short', 'a16161', 'truncated'],
  ['length beyond the input', '5b001fffffffffffff', 'truncated'],
  ['second value', '0000', 'trailing bytes'],
  ['23 in two bytes', '1817', 'longer than needed'],
  ['255 in three bytes', '1900ff', 'longer than needed'],
  ['65535 in five bytes', '1a0000ffff', 'longer than needed'],
  ['2^32 − 1 in nine bytes', '1b00000000ffffffff', 'longer than needed'],
  ['minus one in two bytes', '3800', 'longer than needed'],
  ['length of text in two bytes', '780161', 'longer than needed'],
  ['length of bytes in two bytes', '580100', 'longer than needed'],
  ['length of an array in two bytes', '980100', 'longer than needed'],
  ['length of a map in two bytes', 'b801616100', 'longer than needed'],
  ['2^53', '1b0020000000000000', 'integer out of range'],
  ['2^53 + 1', '1b0020000000000001', 'integer out of range'],
  ['2^64 − 1', '1bffffffffffffffff', 'integer out of range'],
  ['−2^53', '3b001fffffffffffff', 'integer out of range'],
  ['bytes of no stated length', '5f4101ff', 'indefinite or reserved length'],
  ['text of no stated length', '7f6161ff', 'indefinite or reserved length'],
  ['array of no stated length', '9f01ff', 'indefinite or reserved length'],
  ['map of no stated length', 'bf616101ff', 'indefinite or reserved length'],
  ['reserved 28', '1c', 'indefinite or reserved length'],
  ['reserved 30', '5e', 'indefinite or reserved length'],
  ['tag 0', 'c06161', 'tag'],
  ['tag 42, a CID', 'd82a450001710000', 'tag'],
  ['half float', 'f90000', 'float or simple value'],
  ['single float', 'fa3fc00000', 'float or simple value'],
  ['double float', 'fb3ff8000000000000', 'float or simple value'],
  ['double that is an integer', 'fb4000000000000000', 'float or simple value'],
  ['undefined', 'f7', 'float or simple value'],
  ['simple value 0', 'e0', 'float or simple value'],
  ['false in two bytes', 'f814', 'float or simple value'],
  ['break', 'ff', 'float or simple value'],
  ['overlong NUL', '62c080', 'invalid utf-8'],
  ['lone surrogate', '63eda080', 'invalid utf-8'],
  ['beyond U+10FFFF', '64f4908080', 'invalid utf-8'],
  ['continuation byte alone', '6180', 'invalid utf-8'],
  ['character cut short', '62e6b0', 'invalid utf-8'],
  ['bad UTF-8 in a long text', `7818${'61'.repeat(23)}ff`, 'invalid utf-8'],
  ['integer as a key', 'a10001', 'key is no string'],
  ['bytes as a key', 'a1416101', 'key is no string'],
  ['longer key first', 'a2626161016162 02', 'key order'],
  ['keys of one length out of order', 'a2616201616102', 'key order'],
  ['same key twice', 'a2616101616102', 'duplicate key'],
  ['__proto__', 'a1695f5f70726f746f5f5f01', 'forbidden key'],
  ['17 deep', `${'81'.repeat(17)}00`, 'too deep'],
  ['17 maps deep', `${'a16161'.repeat(17)}00`, 'too deep'],
  ['65,537 items', '9a00010001', 'too many items'],
  ['32,769 entries', 'b98001', 'too many items'],
]

/** Encodings that must be taken, with their values, and bytes that must be refused, with the reason. */
export function cborVectors(): unknown {
  return {
    valid: VALID.map(([name, json]) => ({ name, value: json, hex: hex(encode(fromJson(json))) })),
    refused: REFUSED.map(([name, bytes, what]) => ({ name, hex: bytes.replaceAll(' ', ''), what })),
  }
}

/** The value that a vector's JSON stands for. */
export function fromJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map(fromJson)
  const entries = Object.entries(json)
  const [first] = entries
  if (entries.length === 1 && first?.[0] === 'bytes') {
    return fromHex(String(first[1]))
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, fromJson(item)]))
}

function nested(depth: number): unknown {
  return depth === 0 ? 0 : [nested(depth - 1)]
}
