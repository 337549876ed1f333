import { isFailure } from '../protocol/errors.ts'
import type { CliContext, OfflineNode } from './context.ts'
import type { RecordsModule } from './records-module.ts'

/** What the running node says or, when none runs, what the files say. */
export async function onlineOrOffline<T>(
  cli: CliContext,
  online: (client: CliContext['client']) => Promise<T>,
  offline: (node: OfflineNode) => Promise<T>,
): Promise<T> {
  return await onlineOr(cli, online, async () => await offline(await cli.offline()))
}

/** What the running node says or, when none runs, what its records say. */
export async function onlineOrRecords<T>(
  cli: CliContext,
  online: (client: CliContext['client']) => Promise<T>,
  offline: (records: RecordsModule) => Promise<T>,
): Promise<T> {
  return await onlineOr(cli, online, async () => await offline(await cli.records()))
}

async function onlineOr<T>(
  { client }: CliContext,
  online: (client: CliContext['client']) => Promise<T>,
  offline: () => Promise<T>,
): Promise<T> {
  try {
    return await online(client)
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
  }
  return await offline()
}
