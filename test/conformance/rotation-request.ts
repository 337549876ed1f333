/* PROTOCOL.md §10, "key.request". */
import { isSigned } from './ed25519.ts'
import { sha256, wordsOf } from './ids.ts'
import { Refused } from './refused.ts'
import { readStatement } from './statement.ts'
import type { Statement } from './statement.ts'

const KINDS = {
  'rotation-request': {
    fields: { id: 'node id', sn: [1, 61], p: 32, k: 32, why: 'text', grace: [0, 604_800] },
    times: ['lastGood', 'at'],
    optional: 'lastGood',
    fits: ({ has, integer, text }: Statement) =>
      text('why') === 'routine'
        ? !has('lastGood')
        : text('why') === 'compromise' && integer('grace') === 0,
  },
} as const

/** What a request says that is signed under this key, and its eight words. @throws {Refused} */
export function readRotationRequest(
  request: Uint8Array,
  key: Uint8Array,
): { says: Record<string, string | number>; words: string[] } {
  const { content, has, hex, integer, signatures, text } = readStatement(request, KINDS)
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw new Refused('bad signature')
  if (!isSigned('rotation-request', content, signature, key)) throw new Refused('bad signature')
  return {
    says: {
      id: text('id'),
      sn: integer('sn'),
      p: hex('p'),
      k: hex('k'),
      why: text('why'),
      grace: integer('grace'),
      at: integer('at'),
      ...(has('lastGood') ? { lastGood: integer('lastGood') } : {}),
    },
    words: wordsOf(sha256(Buffer.from('kith/rotation-words/1'), content), 8),
  }
}

/** The bytes in a text that is to be carried. @throws {Refused} */
export function readText(text: string, letter: 'r' | 'e'): Uint8Array {
  const head = `kith://${letter}/1/`
  if (!text.startsWith(head)) throw new Refused('another text')
  return new Uint8Array(Buffer.from(text.slice(head.length), 'base64url'))
}
