import { isMap, isScalar, visit, type Document, type Node, type YAMLMap, type YAMLSeq } from 'yaml'
import { KithError } from '../protocol/errors.ts'
import { asSeq, itemNamed, removeItem } from './yaml-list.ts'

/** A job, or some of its keys, as jobs.yaml has them. */
export type JobRow = Readonly<Record<string, unknown>>

/** One change of jobs.yaml. `name` says whose entry it is. */
export type JobEdit =
  | { op: 'add'; job: JobRow }
  /** A key that is null goes. Of a map, keys that are not named stay, unless it becomes one of another kind. */
  | { op: 'change'; name: string; changes: JobRow }
  | { op: 'remove'; name: string }

/**
 * Changes a document that has the shape of jobs.yaml, and may leave it without: its values are not looked at here.
 *
 * @throws {KithError} `unknown-job`, and `exists` for a name that is taken.
 */
export function applyJobEdit(document: Document, edit: JobEdit): void {
  const jobs = asSeq(document.get('jobs'))
  switch (edit.op) {
    case 'add':
      assertFree(jobs, edit.job['name'])
      jobs.flow = false
      jobs.add(nodeOf(document, edit.job))
      return
    case 'change': {
      const job = find(jobs, edit.name)
      const { name } = edit.changes
      if (name !== undefined && name !== edit.name) assertFree(jobs, name)
      merge(document, job, edit.changes)
      return
    }
    case 'remove':
      removeItem(jobs, find(jobs, edit.name))
  }
}

/**
 * Takes the jobs of another such document, with their comments: those alone when `replace` is true, and else behind
 * those that are there.
 *
 * @throws {KithError} `exists` for a name that is taken.
 */
export function importJobs(document: Document, other: Document, replace: boolean): void {
  const imported = asSeq(other.get('jobs'))
  if (replace) {
    document.set('jobs', imported)
    return
  }
  const jobs = asSeq(document.get('jobs'))
  const [first] = imported.items
  // The parser gives what stands above the first job to the list.
  if (isMap(first) && imported.commentBefore) first.commentBefore = imported.commentBefore
  for (const job of imported.items) {
    if (isMap(job)) assertFree(jobs, job.get('name'))
    jobs.add(job)
  }
  if (jobs.items.length > 0) jobs.flow = false
}

/**
 * Puts the one job of another such document in the place of the one that has its name.
 *
 * @throws {KithError} `unknown-job`; `usage` for more than one, or one with another name: what a job has run is kept
 *   by its name.
 */
export function putJob(document: Document, name: string, other: Document): void {
  const jobs = asSeq(document.get('jobs'))
  const old = find(jobs, name)
  const { commentBefore, items } = asSeq(other.get('jobs'))
  const [job] = items
  if (!isMap(job) || items.length > 1 || job.get('name') !== name) {
    const what = `what takes the place of ${name} is one job of that name`
    throw new KithError('usage', what, { what })
  }
  // What stands above the first job is the list's to the parser.
  if (commentBefore !== undefined) job.commentBefore = commentBefore
  if (old.spaceBefore === true) job.spaceBefore = true
  jobs.items[jobs.items.indexOf(old)] = job
}

/** All of a document, with its comments, as text. */
export function jobsText(document: Document): string {
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** The entry of a job, with the comments in it, as text. @throws {KithError} `unknown-job` */
export function jobText(document: Document, name: string): string {
  const alone = document.clone()
  alone.contents = find(asSeq(alone.get('jobs')), name)
  alone.commentBefore = null
  alone.comment = null
  return alone.toString({ lineWidth: 0, flowCollectionPadding: false })
}

function merge(document: Document, map: YAMLMap, changes: JobRow): void {
  for (const [key, value] of Object.entries(changes)) {
    const old = map.get(key)
    if (value === null) map.delete(key)
    else if (isMap(old) && isRow(value) && !isOther(old, value)) merge(document, old, value)
    else map.set(key, nodeOf(document, value))
  }
}

function isRow(value: unknown): value is JobRow {
  return typeof value === 'object' && !Array.isArray(value)
}

/** True for a schedule or a target that has no keys in common with the one before. */
function isOther(old: YAMLMap, { kind }: JobRow): boolean {
  return kind !== undefined && kind !== old.get('kind')
}

export function unknownJob(name: string): KithError<'unknown-job'> {
  const hint = { hint: 'kith jobs list' }
  return new KithError('unknown-job', `no job is named ${name}`, { job: name }, hint)
}

/** A new value, with the lists of words in it on one line each. */
function nodeOf(document: Document, value: unknown): Node {
  const node = document.createNode(value)
  visit(node, {
    Seq(_key, list) {
      list.flow = list.items.every(isScalar)
    },
  })
  return node
}

function find(jobs: YAMLSeq, name: string): YAMLMap {
  const job = itemNamed(jobs, name)
  if (job === undefined) throw unknownJob(name)
  return job
}

function assertFree(jobs: YAMLSeq, name: unknown): void {
  if (itemNamed(jobs, name) === undefined) return
  throw new KithError(
    'exists',
    `a job is named ${String(name)} already`,
    { what: `job ${String(name)}` },
    { hint: 'kith jobs list' },
  )
}
