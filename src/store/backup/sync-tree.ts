import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../atomic-file.ts'

/** Resolves when all that is in a folder of ours is on disk: its files, its folders, and their names. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await syncTree(path)
    else if (entry.isFile()) await syncFile(path)
  }
  await syncFolder(folder)
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
