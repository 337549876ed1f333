/** `text` of at most `maxBytes` of UTF-8, cut between code points, and how many bytes were left out. */
export function cutToBytes(text: string, maxBytes: number): { text: string; leftOut: number } {
  const bytes = Buffer.from(text)
  const end = codePointEnd(bytes, maxBytes)
  return { text: bytes.toString('utf8', 0, end), leftOut: bytes.length - end }
}

/** The last place, at `limit` or up to 3 bytes before it, where a code point of `bytes` ends. */
export function codePointEnd(bytes: Uint8Array, limit: number): number {
  let end = Math.min(limit, bytes.length)
  while (isContinuation(bytes[end])) end--
  return end
}

/** True for a byte within a code point (RFC 3629 §3). False past the end. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
