import { isFailure } from '../protocol/errors.ts'
import type { CliContext, OfflineNode } from './context.ts'

/** What the running node says or, when none runs, what the files say. */
export async function onlineOrOffline<T>(
  cli: CliContext,
  online: (client: CliContext['client']) => Promise<T>,
  offline: (node: OfflineNode) => Promise<T>,
): Promise<T> {
  try {
    return await online(cli.client)
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
  }
  return await offline(await cli.offline())
}
