import { KithError } from '../../protocol/errors.ts'
import { readPrivateFile } from '../../store/atomic-file.ts'
import { parseYaml } from '../../store/yaml-file.ts'
import { jobsSchema } from './job.ts'
import type { Job } from './job.ts'

/**
 * The jobs in the file at `path`; none where there is no file.
 *
 * @throws {KithError} `invalid-file` with the line and column of the first fault, `unsafe-file`
 */
export async function readJobs(path: string): Promise<Job[]> {
  const bytes = await readPrivateFile(path)
  return bytes === undefined ? [] : parseYaml(path, textOf(path, bytes), jobsSchema).value
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (err) {
    throw new KithError('invalid-file', `${path} is not UTF-8`, { path }, { cause: err })
  }
}
