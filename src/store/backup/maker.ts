import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { promisify } from 'node:util'

/*
 * Who fills a folder, in its name: `PID-START-PLACE`. A process id is given anew, and with the time at which its process
 * began it is not; both mean something on one machine, and in one space of ids, alone.
 */

const MAKER = /^(\d+)-(\d+)-([0-9a-f]{8})$/

/** Of the fields of /proc/PID/stat after the name, the one that says when the process began (proc_pid_stat(5), 22). */
const START_FIELD = 19

/** This process, as the end of the name of a folder that it fills. */
export async function makerTag(): Promise<string> {
  return `${process.pid}-${(await startOf(process.pid)) ?? 0}-${await placeOf()}`
}

/** Whether the process with this tag still runs; undefined where nobody can tell: it is none, or of another machine. */
export async function isMakerAlive(tag: string): Promise<boolean | undefined> {
  const [, pid, start, place] = MAKER.exec(tag) ?? []
  if (place === undefined || place !== (await placeOf())) return undefined
  const now = await startOf(Number(pid))
  return now !== undefined && now === Number(start)
}

/** When a process began, in units of its own; undefined when there is none. */
async function startOf(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return await startByPs(pid)
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // A name may have blanks and brackets in it.
  const field = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD]
  return field === undefined ? undefined : Number(field)
}

async function startByPs(pid: number): Promise<number | undefined> {
  const args = ['-o', 'lstart=', '-p', String(pid)]
  const env = { ...process.env, LC_ALL: 'C' }
  const found = await promisify(execFile)('ps', args, { env }).catch(() => undefined)
  const at = Date.parse(found?.stdout.trim() ?? '')
  return Number.isNaN(at) ? undefined : at
}

/** The machine, and the space of process ids in it, which a container has to itself (pid_namespaces(7)). */
async function placeOf(): Promise<string> {
  const space = await readlink('/proc/self/ns/pid').catch(() => '')
  return createHash('sha256').update(`${hostname()}\0${space}`).digest('hex').slice(0, 8)
}
