import { parseDocument } from 'yaml'
import { shownUrl } from '../scheduler/job-result.ts'
import { OWN_FILES } from './own-files.ts'
import type { OwnFile, OwnFiles } from './own-files.ts'

/** One thing that is another than it was, in words of an owner. */
export interface Change {
  kind: 'peers' | 'grants' | 'jobs' | 'config' | 'memory' | 'key'
  /** The peer or job, or the key of config.yaml. */
  subject?: string
  what: string
}

/** Longest value that is shown of a setting, in UTF-16 units. */
const MAX_VALUE_CHARS = 80

/** Settings whose values are never shown, whatever they hold: `run` and `argv` are a program and its arguments. */
const HIDDEN =
  /(?:(?:^|\.)run|secret|token|passw|passphrase|api_key|authorization|headers|args|argv|env)(?:\.|$)/iu

type Fields = ReadonlyMap<string, unknown>

/** What has changed between two states of the files of a node. Pure. */
export function fileChanges(before: OwnFiles, after: OwnFiles): Change[] {
  return OWN_FILES.flatMap((file) => {
    if (before[file] === after[file]) return []
    return file === 'memory' ? linesOf(before[file], after[file]) : yamlChanges(file, before, after)
  })
}

function yamlChanges(
  file: Exclude<OwnFile, 'memory'>,
  before: OwnFiles,
  after: OwnFiles,
): Change[] {
  const [old, now] = [parsed(before[file]), parsed(after[file])]
  if (old === undefined || now === undefined) {
    const what = `${file}.yaml ${now === undefined ? 'can no longer be read' : 'can be read again'}`
    return [{ kind: file, what }]
  }
  if (file === 'config') return fieldChanges('config', 'config', flat(old), flat(now))
  return rowChanges(file, rowsOf(old, file), rowsOf(now, file))
}

/** Rows that have a name, such as peers and jobs. */
function rowChanges(
  kind: 'peers' | 'jobs',
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): Change[] {
  const noun = kind === 'peers' ? 'peer' : 'job'
  const changes: Change[] = []
  const renamed = new Map<string, string>()
  for (const [name, row] of after) {
    if (before.has(name)) continue
    const old =
      idOf(row) && [...before].find(([was, one]) => !after.has(was) && idOf(one) === idOf(row))
    if (old) {
      renamed.set(name, old[0])
      changes.push({ kind, subject: name, what: `${noun} ${old[0]} is called ${name} now` })
    } else {
      const rights = kind === 'peers' ? `, and may: ${grantsOf(row).join(', ') || 'nothing'}` : ''
      changes.push({ kind, subject: name, what: `${noun} ${name} was added${rights}` })
    }
  }
  const gone = [...before.keys()].filter(
    (name) => !after.has(name) && ![...renamed.values()].includes(name),
  )
  for (const name of gone)
    changes.push({ kind, subject: name, what: `${noun} ${name} was removed` })
  for (const [name, row] of after) {
    const old = before.get(renamed.get(name) ?? name)
    if (old === undefined) continue
    if (kind === 'peers') changes.push(...grantChanges(name, grantsOf(old), grantsOf(row)))
    changes.push(
      ...fieldChanges(kind === 'peers' ? 'grants' : 'jobs', name, fieldsOf(old), fieldsOf(row)),
    )
  }
  return changes
}

function grantChanges(name: string, before: readonly string[], after: readonly string[]): Change[] {
  const gained = after.filter((grant) => !before.includes(grant))
  const lost = before.filter((grant) => !after.includes(grant))
  return [
    ...gained.map(
      (grant) => ({ kind: 'grants', subject: name, what: `${name} gained ${grant}` }) as const,
    ),
    ...lost.map(
      (grant) => ({ kind: 'grants', subject: name, what: `${name} lost ${grant}` }) as const,
    ),
  ]
}

/** `nas: ask.daily_usd 5 → 10`. */
function fieldChanges(
  kind: Change['kind'],
  subject: string,
  before: Fields,
  after: Fields,
): Change[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])]
  return keys.flatMap((key) => {
    const [old, now] = [shown(before.get(key)), shown(after.get(key))]
    const same = JSON.stringify(before.get(key)) === JSON.stringify(after.get(key))
    if (same) return []
    const prefix = subject === 'config' ? key : `${subject}: ${key}`
    const own = subject === 'config' ? key : subject
    return [
      {
        kind,
        subject: own,
        what: HIDDEN.test(key) ? `${prefix} was changed` : `${prefix} ${old} → ${now}`,
      },
    ]
  })
}

function shown(value: unknown): string {
  if (value === undefined) return 'none'
  const text = typeof value === 'string' ? withoutPath(value) : JSON.stringify(value, safely)
  return text.length <= MAX_VALUE_CHARS ? text : `${text.slice(0, MAX_VALUE_CHARS - 1)}…`
}

/** What is in a list, by the rules for what is not. */
function safely(key: string, value: unknown): unknown {
  if (HIDDEN.test(key)) return '…'
  return typeof value === 'string' ? withoutPath(value) : value
}

/** An address of the web by its host alone: what follows may be a secret. */
function withoutPath(text: string): string {
  return /^https?:/iu.test(text) && URL.canParse(text) ? shownUrl(text) : text
}

/** Lines of notes, as often as they are there. */
function linesOf(before = '', after = ''): Change[] {
  const count = (text: string): Map<string, number> => {
    const lines = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
    return lines.reduce(
      (sum, line) => sum.set(line, (sum.get(line) ?? 0) + 1),
      new Map<string, number>(),
    )
  }
  const [old, now] = [count(before), count(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((line) => {
    const more = (now.get(line) ?? 0) - (old.get(line) ?? 0)
    if (more === 0) return []
    return [{ kind: 'memory', what: `${more > 0 ? 'noted' : 'forgotten'}: ${line}` } as const]
  })
}

function parsed(text = ''): unknown {
  try {
    const document = parseDocument(text, { merge: false, stringKeys: true, version: '1.2' })
    return document.errors.length > 0 ? undefined : (document.toJS({ maxAliasCount: 0 }) ?? {})
  } catch {
    return undefined
  }
}

function rowsOf(value: unknown, list: 'peers' | 'jobs'): Map<string, unknown> {
  const rows = isMap(value) ? value[list] : undefined
  if (!Array.isArray(rows)) return new Map()
  return new Map(
    rows.flatMap((row: unknown) =>
      isMap(row) && typeof row['name'] === 'string' ? [[row['name'], row] as const] : [],
    ),
  )
}

/** What is the same of a peer under another name. */
function idOf(row: unknown): string | undefined {
  const id = isMap(row) ? (row['id'] ?? row['key']) : undefined
  return typeof id === 'string' ? id : undefined
}

function grantsOf(row: unknown): string[] {
  const allow = isMap(row) ? row['allow'] : undefined
  return Array.isArray(allow) ? allow.filter((grant) => typeof grant === 'string') : []
}

/** All but its name and its rights, which are told apart. */
function fieldsOf(row: unknown): Fields {
  const fields = new Map(flat(row))
  fields.delete('name')
  if (isMap(row) && Array.isArray(row['allow'])) fields.delete('allow')
  return fields
}

/** The leaves of a map by their path; an array is one. */
function flat(value: unknown, path = ''): Map<string, unknown> {
  if (!isMap(value)) return new Map(path === '' ? [] : [[path, value]])
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [
      ...flat(inner, path === '' ? key : `${path}.${key}`),
    ]),
  )
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
