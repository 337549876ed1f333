import { isAlias, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { Document } from 'yaml'
import type { z } from 'zod'
import { KithError } from '../protocol/errors.ts'

/** Something wrong with a text; `offset` is where, in characters. */
interface Fault {
  offset: number
  what: string
}

/**
 * The document in `text`, for edits, and what `schema` makes of it. YAML 1.2 without its traps: one
 * document, text as keys and each once, no directives, anchors, aliases, merges or tags.
 *
 * @throws {KithError} `invalid-file` with the line and column of the first fault.
 */
export function parseYaml<T>(
  path: string,
  text: string,
  schema: z.ZodType<T>,
): { document: Document; value: T } {
  const lineCounter = new LineCounter()
  const options = { merge: false, prettyErrors: false, stringKeys: true, uniqueKeys: true }
  const document = parseDocument(text, { ...options, lineCounter, version: '1.2' })
  const faults = syntaxFaults(document, text)
  if (faults.length > 0) throw invalidFile(path, lineCounter, faults)
  const parsed = schema.safeParse(document.toJS())
  if (parsed.success) return { document, value: parsed.data }
  const issues = parsed.error.issues.map((issue) => schemaFault(document, issue))
  throw invalidFile(path, lineCounter, issues)
}

function syntaxFaults(document: Document, text: string): Fault[] {
  const faults = [...document.errors, ...document.warnings].map(({ code, message, pos }) => {
    const offset = pos[0]
    const key = /^[\w-]*/.exec(text.slice(offset))?.[0] ?? ''
    return { offset, what: code === 'DUPLICATE_KEY' ? `${key} is there twice` : message }
  })
  // A directive could turn YAML 1.1 on, where `no` is false and 1:30 is ninety.
  if (/^%/m.test(text.slice(0, document.range?.[0] ?? text.length))) {
    faults.push({ offset: 0, what: 'directives (%) are not taken' })
  }
  visit(document, {
    Node(_key, node) {
      const offset = node.range?.[0] ?? 0
      if (isAlias(node)) faults.push({ offset, what: 'aliases (*) are not taken' })
      else if (node.anchor !== undefined) faults.push({ offset, what: 'anchors (&) are not taken' })
      if (node.tag !== undefined) faults.push({ offset, what: 'tags (!) are not taken' })
    },
  })
  return faults
}

function schemaFault(document: Document, issue: z.core.$ZodIssue): Fault {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
  const at = textOf(path)
  const offset = offsetOf(document, path)
  if (issue.code === 'unrecognized_keys') {
    const key = keyOf(document, path, issue.keys[0])
    return { offset: key ?? offset, what: `${at}${issue.message}` }
  }
  // A key with nothing behind its colon is there, and null.
  if (path.length > 0 && !document.hasIn(path)) return { offset, what: `${at}missing` }
  return { offset, what: `${at}${issue.message}` }
}

/** Where the value at `path` begins, or what comes nearest to holding it. */
function offsetOf(document: Document, path: (string | number)[]): number {
  const node = document.getIn(path, true)
  if (isNode(node)) return node.range?.[0] ?? 0
  return path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1))
}

function keyOf(
  document: Document,
  path: (string | number)[],
  name: string | undefined,
): number | undefined {
  const map = document.getIn(path, true)
  if (!isMap(map)) return undefined
  const key = map.items.find((pair) => isScalar(pair.key) && pair.key.value === name)?.key
  return isScalar(key) ? key.range?.[0] : undefined
}

/** `peers[0].ask.depth: `, as a reader would write it. */
function textOf(path: (string | number)[]): string {
  if (path.length === 0) return ''
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
  return `${parts.join('').replace(/^\./, '')}: `
}

function invalidFile(path: string, lines: LineCounter, faults: Fault[]): KithError<'invalid-file'> {
  const [first = { offset: 0, what: '' }, ...others] = faults.sort((a, b) => a.offset - b.offset)
  const { line, col: column } = lines.linePos(first.offset)
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  return new KithError(
    'invalid-file',
    `${path}:${line}:${column}: ${first.what}${more}`,
    { path, line, column },
    { hint: `edit line ${line} of ${path}` },
  )
}
