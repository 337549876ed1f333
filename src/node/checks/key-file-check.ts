import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { checkPrivateFile, checkPrivateFolder } from '../../store/atomic-file.ts'
import { attempt, ok } from './finding.ts'
import type { Finding } from './finding.ts'

/** The folder of the home, and every file in it that says who this node is. */
export async function keyFileFindings(home: string): Promise<Finding[]> {
  const keys = join(home, 'keys')
  const inside = await readdir(keys, { recursive: true, withFileTypes: true })
  // What begins with a dot is half of a file that is being written.
  const entries = inside.filter(({ name }) => !name.startsWith('.'))
  const count = entries.filter(({ name }) => name.endsWith('.json')).length
  const looks = [
    () => checkPrivateFolder(home),
    () => checkPrivateFolder(keys),
    () => checkPrivateFile(join(home, 'identity.json'), { secret: false }),
    ...entries.map((entry) => async () => {
      const path = join(entry.parentPath, entry.name)
      await (entry.isDirectory() ? checkPrivateFolder(path) : checkKeyFile(path))
    }),
  ]
  const found = await Promise.all(
    looks.map(
      async (look) =>
        await attempt(async () => {
          await look()
          return []
        }),
    ),
  )
  const faults = found.flat()
  return faults.length > 0 ? faults : [ok(`${count} keys, closed to other users`)]
}

/** Says nothing of one that is gone by now: keys come and go in a rotation. */
async function checkKeyFile(path: string): Promise<void> {
  try {
    await checkPrivateFile(path, { secret: true })
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ENOENT')) throw err
  }
}
