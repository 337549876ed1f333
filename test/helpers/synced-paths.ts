import { open, readlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** The paths of the files and folders that this thread syncs while `run` is under way, as they are called then. Of Linux. */
export async function syncedPaths(run: () => Promise<unknown>): Promise<string[]> {
  const synced: string[] = []
  const handle = await open('/dev/null')
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const sync = Object.getOwnPropertyDescriptor(prototype, 'sync')?.value as () => Promise<void>
  prototype.sync = async function (this: FileHandle) {
    synced.push(await readlink(`/proc/self/fd/${this.fd}`))
    await sync.call(this)
  }
  try {
    await run()
  } finally {
    prototype.sync = sync
  }
  return synced
}
