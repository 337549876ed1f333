import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } from 'yaml'

/**
 * The line (from 1) of `key` in the entry of the peer with this name in the text of a peers.yaml; that of the entry when
 * it does not have the key, and its default counts. Undefined when there is no such peer.
 */
export function lineOf(text: string, name: string, key: readonly string[]): number | undefined {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const peers = document.get('peers', true)
  if (!isSeq(peers)) return undefined
  const entry = peers.items.find((item) => isMap(item) && item.get('name') === name)
  if (!isNode(entry)) return undefined
  const offset = offsetOf(entry, key) ?? entry.range?.[0]
  return offset === undefined ? undefined : lines.linePos(offset).line
}

/** Where the last key of the path begins that is there. */
function offsetOf(node: unknown, [first, ...rest]: readonly string[]): number | undefined {
  if (first === undefined || !isMap(node)) return undefined
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === first)
  if (pair === undefined || !isNode(pair.key)) return undefined
  return offsetOf(pair.value, rest) ?? pair.key.range?.[0]
}
