import { isMap, isSeq, type YAMLMap, type YAMLSeq } from 'yaml'

/** The entry with this name in a list of maps, or undefined. */
export function itemNamed(list: YAMLSeq, name: unknown): YAMLMap | undefined {
  return list.items.find((item) => isMap(item) && item.get('name') === name) as YAMLMap | undefined
}

/** Takes an entry out of its list. It goes with the comment above it. */
export function removeItem(list: YAMLSeq, item: YAMLMap): void {
  const index = list.items.indexOf(item)
  list.items.splice(index, 1)
  if (index > 0) return
  // The parser gives what stands above the first entry to the list: its last paragraph was the entry's.
  const paragraphs = list.commentBefore?.split('\n\n') ?? []
  list.commentBefore = paragraphs.slice(0, -1).join('\n\n')
  const [first] = list.items
  if (isMap(first)) first.spaceBefore = false
}

/** `node`, which is a list. @throws {TypeError} */
export function asSeq(node: unknown): YAMLSeq {
  if (!isSeq(node)) throw new TypeError('not a list')
  return node
}
