import { isFailure } from '../protocol/errors.ts'
import type { CliContext } from './context.ts'
import type { RecordsModule } from './records-module.ts'

/** What the running node says or, when none runs, what is in the files. */
export async function onlineOr<T>(
  cli: CliContext,
  online: (client: CliContext['client']) => Promise<T>,
  offline: (records: RecordsModule) => Promise<T>,
): Promise<T> {
  try {
    return await online(cli.client)
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
  }
  return await offline(await cli.records())
}
