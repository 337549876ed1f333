import type { Document } from 'yaml'
import { EditedFile } from '../../store/edited-file.ts'
import type { FileListener } from '../../store/edited-file.ts'
import { applyJobEdit, importJobs, putJob } from '../../store/jobs-edit.ts'
import type { JobEdit } from '../../store/jobs-edit.ts'
import { parseYaml } from '../../store/yaml-file.ts'
import { jobsSchema } from './job.ts'
import type { Job } from './job.ts'

/** A jobs.yaml without jobs. */
export const BLANK_JOBS = 'version: 1\njobs: []\n'

/** A change of jobs.yaml, by hand of a command. */
export type JobsEdit =
  | JobEdit
  /** Takes the jobs of another jobs.yaml; `from` is what its faults are told of. */
  | { op: 'import'; text: string; replace: boolean; from?: string }
  /** Puts the one job of another jobs.yaml in the place of the one with this name. */
  | { op: 'put'; name: string; text: string; from?: string }

/** Where the jobs stand: `jobs.yaml`. */
export interface JobsSource {
  /** Reports the jobs now and at each change, until the returned function is called. */
  watch(listener: FileListener<Job[]>): Promise<() => Promise<void>>
  /** The jobs after a change, on disk. @throws {KithError} */
  edit(edit: JobsEdit): Promise<Job[]>
  /** All of it, as it stands there now, for those who show it. @throws {KithError} as `readJobs` */
  document(): Promise<Document>
}

/**
 * The jobs in the file at `path`; none where there is no file.
 *
 * @throws {KithError} `invalid-file` with the line and column of the first fault, `unsafe-file`
 */
export async function readJobs(path: string): Promise<Job[]> {
  return await fileAt(path).read()
}

/**
 * Changes the file at `path`, made if there is none, and returns the jobs that it then has. Comments and order stay.
 *
 * @throws {KithError} `unknown-job`; `exists` for a name that is taken; `usage` for a value that a job may not have;
 *   `invalid-file` for a text that is no jobs.yaml; and as `readJobs`
 */
export async function editJobs(path: string, edit: JobsEdit): Promise<Job[]> {
  return await fileAt(path).edit(changeOf(edit))
}

/** What an edit does to a document of this shape. It throws {KithError} as `editJobs`. */
export function changeOf(edit: JobsEdit): (document: Document) => void {
  return (document) => {
    if (edit.op !== 'import' && edit.op !== 'put') {
      applyJobEdit(document, edit)
      return
    }
    const { from = edit.op, text } = edit
    // Read anew each time: what is taken into one document is no longer in the other.
    const other = parseYaml(from, text, jobsSchema).document
    if (edit.op === 'put') putJob(document, edit.name, other)
    else importJobs(document, other, edit.replace)
  }
}

/** The file at `path`. */
export function jobsFile(path: string): JobsSource {
  const file = fileAt(path)
  return {
    watch: async (listener) => await file.watch(listener),
    edit: async (edit) => await file.edit(changeOf(edit)),
    document: async () => await file.document(),
  }
}

function fileAt(path: string): EditedFile<Job[]> {
  return new EditedFile({ path, schema: jobsSchema, blank: BLANK_JOBS })
}
