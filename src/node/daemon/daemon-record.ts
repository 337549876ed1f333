import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { isFailure, KithError } from '../../protocol/errors.ts'
import {
  createPrivateFile,
  makePrivateFolder,
  readPrivateFile,
  removePrivateFile,
  replacePrivateFile,
} from '../../store/atomic-file.ts'
import { processMark } from '../supervisor/process-identity.ts'

const recordSchema = z.strictObject({
  pid: z.int().positive(),
  /** When that process began, so that a later one with the same id is not taken for it. */
  mark: z.string().min(1),
  /** Known to this process alone: whoever answers with it at the daemon's socket is it. */
  token: z.string().min(1),
  startedAt: z.int(),
})

/** Who says that it is the daemon of a home. */
export type DaemonRecord = z.infer<typeof recordSchema>

/** The file that says who the daemon of a home is. */
export function daemonRecordPath(base: string): string {
  return join(base, 'daemon.json')
}

/** The daemon of this home that runs now; undefined when none does, whatever an earlier one has left. */
export async function readDaemonRecord(base: string): Promise<DaemonRecord | undefined> {
  const record = parse(await readPrivateFile(daemonRecordPath(base)))
  return record !== undefined && processMark(record.pid) === record.mark ? record : undefined
}

/** Passes while no daemon serves this home. @throws {KithError} `locked` */
export async function assertNoDaemon(base: string): Promise<void> {
  const holder = await readDaemonRecord(base)
  if (holder !== undefined) throw held(base, holder)
}

/**
 * Makes this process the daemon of a home, and gives the function that ends that.
 *
 * @throws {KithError} `locked` while another process is
 */
export async function takeDaemonRecord(
  base: string,
  now: number,
): Promise<{ record: DaemonRecord; release: () => Promise<void> }> {
  const path = daemonRecordPath(base)
  const mark = processMark(process.pid)
  if (mark === undefined) throw new TypeError('this process has no mark')
  const token = randomBytes(16).toString('hex')
  const record = { pid: process.pid, mark, token, startedAt: now }
  const bytes = Buffer.from(`${JSON.stringify(record)}\n`)
  await makePrivateFolder(base)
  for (;;) {
    const before = await readPrivateFile(path)
    const holder = parse(before)
    if (holder !== undefined && processMark(holder.pid) === holder.mark) throw held(base, holder)
    if (await place(path, before, bytes)) break
  }
  return {
    record,
    release: async () => {
      const last = await readPrivateFile(path)
      if (parse(last)?.token === token) await removePrivateFile(path)
    },
  }
}

/** False when somebody else was first. */
async function place(
  path: string,
  before: Uint8Array | undefined,
  bytes: Buffer,
): Promise<boolean> {
  if (before !== undefined) return await replacePrivateFile(path, before, bytes)
  try {
    await createPrivateFile(path, bytes)
    return true
  } catch (err) {
    if (isFailure(err, 'exists')) return false
    throw err
  }
}

function held(base: string, { pid, startedAt }: DaemonRecord): KithError<'locked'> {
  const since = new Date(startedAt).toISOString()
  return new KithError(
    'locked',
    `a daemon serves ${base} already: process ${pid}, since ${since}`,
    { home: base, pid },
    { hint: 'kith daemon status, or kith daemon stop' },
  )
}

function parse(bytes: Uint8Array | undefined): DaemonRecord | undefined {
  if (bytes === undefined) return undefined
  try {
    const parsed = recordSchema.safeParse(JSON.parse(Buffer.from(bytes).toString()))
    // One that was cut off by a crash says nothing.
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}
