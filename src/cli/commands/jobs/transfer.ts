import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import { terminalSafe } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { isTerminal, note, print, printJson } from '../../terminal.ts'
import { readStdin } from '../../read-stdin.ts'
import { sendJobs } from './reach.ts'

/** Largest file of jobs, in bytes: what the control socket takes, with room for its envelope. */
const MAX_JOBS_BYTES = 1_000_000

interface ImportOptions {
  replace?: true
  json?: true
}

/** `kith jobs export`: jobs.yaml as it stands, with its comments. */
export function exportCommand(cli: CliContext): Command {
  return new Command('export')
    .description('print jobs.yaml, or write it to a new file')
    .option('--file <path>', 'write it there')
    .option('--json', 'print one JSON object')
    .action(async ({ file, json }: { file?: string; json?: true }) => {
      const { yaml } = await onlineOrOffline(
        cli,
        (client) => client.call('exportJobs', {}),
        async (node) => ({ yaml: await node.exportJobs(cli.home, cli.env) }),
      )
      if (file !== undefined) await writeNew(file, yaml)
      if (json === true) printJson(cli, file === undefined ? { yaml } : { path: file })
      // Comments may be of others. To a file or a pipe, it goes as it is.
      else if (file === undefined && isTerminal(cli.stdout))
        print(cli, terminalSafe(yaml).trimEnd())
      else if (file === undefined) print(cli, yaml.trimEnd())
      else print(cli, `${file} has all jobs`)
    })
}

/** `kith jobs import FILE`: takes the jobs of another jobs.yaml, all of them or none. */
export function importCommand(cli: CliContext): Command {
  return new Command('import')
    .description('take the jobs of a file like jobs.yaml beside those that there are')
    .argument('<file>', 'its path; - reads it from the standard input')
    .option('--replace', 'in place of all those that there are')
    .option('--json', 'print all jobs as one JSON array')
    .action(async (path: string, options: ImportOptions) => {
      await importJobs(cli, path, options)
    })
}

export async function importJobs(
  cli: CliContext,
  path: string,
  { json, replace }: ImportOptions,
): Promise<void> {
  const where = path === '-' ? 'the standard input' : path
  const text =
    path === '-' ? await readStdin(cli, 'a list of jobs', MAX_JOBS_BYTES) : await read(path)
  const edit = { op: 'import', text, replace: replace === true } as const
  const jobs = await sendJobs(cli, where, edit)
  if (json === true) {
    printJson(cli, jobs)
    return
  }
  print(cli, jobs.length === 1 ? 'there is 1 job now' : `there are ${jobs.length} jobs now`)
  const on = jobs.filter(({ enabled }) => enabled).map(({ name }) => name)
  if (on.length > 0) note(cli, `on, and run when they are due: ${on.join(', ')}`)
}

/** @throws {KithError} `usage`, `too-large` */
async function read(path: string): Promise<string> {
  const bytes = await readFile(path).catch((err: unknown) => {
    const what = `${path} cannot be read`
    throw new KithError('usage', what, { what }, { cause: err })
  })
  if (bytes.byteLength <= MAX_JOBS_BYTES) return bytes.toString()
  const details = { bytes: bytes.byteLength, limitBytes: MAX_JOBS_BYTES }
  throw new KithError('too-large', `a list of jobs has at most ${MAX_JOBS_BYTES} bytes`, details)
}

/** @throws {KithError} `exists` */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 })
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'EEXIST')) throw err
    throw new KithError('exists', `${path} is there already`, { what: path }, { cause: err })
  }
}
