import { AsyncLocalStorage } from 'node:async_hooks'
import fs, { constants } from 'node:fs'
import promises from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

interface Run {
  /** Changes to the disk that may still be made. */
  left: number
  handles: Set<FileHandle>
  crash: () => void
}

type Method = (...args: never[]) => unknown

const runs = new AsyncLocalStorage<Run>()

/** What changes the disk, by the object that has it. Opening counts when it is for writing. */
const PATCHED = ['chmod', 'link', 'mkdir', 'rename', 'unlink'] as const
const HANDLE_PATCHED = ['sync', 'writeFile'] as const

/**
 * Makes disks on which a process dies: what `run` is given stops before one of its changes and never goes on, not even
 * to clean up. Call it in `describe`.
 */
export function crashingFiles(): { dies: typeof dies } {
  const undo: (() => void)[] = []

  before(async () => {
    const handle = await promises.open('/dev/null')
    const prototype = Object.getPrototypeOf(handle) as FileHandle
    await handle.close()
    for (const name of PATCHED) undo.push(replace(promises, name, stopping))
    for (const name of HANDLE_PATCHED) undo.push(replace(prototype, name, stopping))
    undo.push(replace(promises, 'open', stoppingOpen), replace(fs, 'renameSync', throwing))
    syncBuiltinESMExports()
  })

  after(() => {
    for (const restore of undo) restore()
    syncBuiltinESMExports()
  })

  return { dies }
}

/** Runs `work` and lets it make so many changes to the disk. True when it wanted to make another one. */
async function dies(changes: number, work: () => Promise<unknown>): Promise<boolean> {
  const { promise: crashed, resolve } = Promise.withResolvers<boolean>()
  const run: Run = {
    left: changes,
    handles: new Set(),
    crash: () => {
      resolve(true)
    },
  }
  const done = runs.run(run, work).then(() => false)
  const died = await Promise.race([crashed, done])
  if (died) done.catch(() => undefined)
  // Those that are closed stay so.
  for (const handle of run.handles) await handle.close()
  return died
}

/** True when there is no change left to be made. */
function isOver(): boolean {
  const run = runs.getStore()
  if (run === undefined) return false
  run.left -= 1
  if (run.left >= 0) return false
  run.crash()
  return true
}

function stopping(method: Method): Method {
  return function (this: unknown, ...args) {
    return isOver() ? new Promise(() => undefined) : method.apply(this, args)
  }
}

function stoppingOpen(method: Method): Method {
  return async function (this: unknown, ...args) {
    const [, flags] = args as unknown[]
    const writes = typeof flags === 'number' && (flags & constants.O_WRONLY) !== 0
    if (writes && isOver()) return new Promise(() => undefined)
    const handle = (await method.apply(this, args)) as FileHandle
    runs.getStore()?.handles.add(handle)
    return handle
  }
}

/** What is synchronous cannot stop; all that comes after it does. */
function throwing(method: Method): Method {
  return function (this: unknown, ...args) {
    if (isOver()) throw new Error('the process is dead')
    return method.apply(this, args)
  }
}

function replace(owner: object, name: string, by: (method: Method) => Method): () => void {
  const original = Reflect.get(owner, name) as Method
  Reflect.set(owner, name, by(original))
  return () => {
    Reflect.set(owner, name, original)
  }
}
