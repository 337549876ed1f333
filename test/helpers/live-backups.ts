import { mkdtemp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openBackups, restoreBackup } from '../../src/node/backup/home-backups.ts'
import type { Input, Output } from '../../src/node/control/api.ts'
import type { LiveNode } from './live-node.ts'

/** A new folder for backups beside the home of `node`. */
export async function backupFolder({ home }: Pick<LiveNode, 'home'>): Promise<string> {
  return await mkdtemp(join(dirname(home.path), 'backups-'))
}

/** Makes a backup of `node`: it does so itself while it runs, and without it this process does, as `kith` would. */
export async function backUpNode(
  node: LiveNode,
  init: Input<'createBackup'>,
): Promise<Output<'createBackup'>> {
  if (node.pid !== 0) return await node.client.call('createBackup', init)
  const backups = await openBackups(node.home, {})
  try {
    await backups.openKey(() => Promise.resolve(undefined))
    return await backups.call('createBackup', init)
  } finally {
    await backups.close()
  }
}

/** Puts a backup in the place of the home of `node`, as `kith restore` does. */
export async function restoreNode(
  { home }: Pick<LiveNode, 'home'>,
  file: string,
  identities: readonly string[],
): Promise<void> {
  const onProgress = (): void => undefined
  await restoreBackup({ file, key: { identities }, home, dryRun: false, wanted: {}, onProgress })
}
