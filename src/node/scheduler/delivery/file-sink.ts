import { realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { KithError } from '../../../protocol/errors.ts'
import { writePrivateFile } from '../../../store/atomic-file.ts'
import type { Delivery, TryEnd } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'

export interface FileSinkComponents {
  deliveries: Pick<DeliveryStore, 'isPast'>
  /** The home of this node, and the folder in it where others may write. */
  home: { path: string; workspace: string }
}

/**
 * Puts a result at its path, where it takes the place of the one before, whole, with mode 0600. One that comes late
 * leaves that of a later run as it is.
 *
 * @throws {KithError} `denied` with rule `home` for a file of this node's own; `delivery-failed` without its folder
 */
export async function deliverToFile(
  { deliveries, home }: FileSinkComponents,
  delivery: Delivery,
  path: string,
  text: string,
): Promise<TryEnd> {
  const folder = await realpath(dirname(path)).catch((err: unknown) => {
    const why = `there is no folder ${dirname(path)}`
    throw new KithError('delivery-failed', why, { to: path, why }, { cause: err })
  })
  const place = join(folder, basename(path))
  if (isWithin(await realpath(home.path), place) && !(await isInWorkspace(home.workspace, place))) {
    throw new KithError('denied', `${place} is in the home of this node`, { rule: 'home' })
  }
  if (deliveries.isPast(delivery)) return { kind: 'done' }
  await writePrivateFile(place, Buffer.from(text))
  return { kind: 'done' }
}

async function isInWorkspace(workspace: string, place: string): Promise<boolean> {
  const folder = await realpath(workspace).catch(() => undefined)
  return folder !== undefined && isWithin(folder, place)
}

function isWithin(folder: string, place: string): boolean {
  const path = relative(folder, place)
  return path !== '..' && !path.startsWith(`..${sep}`)
}
