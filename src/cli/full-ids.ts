import type { CliContext } from './context.ts'
import { fullId } from './short-id.ts'

/** So far back a part of an id is looked for. */
const LATEST = 1_000

/** The ask that `text` is the id of, or a part of it. @throws {KithError} `usage` when there are several */
export async function askOf({ client }: CliContext, text: string): Promise<string> {
  return await fullId(text, async () => {
    const asks = await client.call('asks', { limit: LATEST })
    return asks.map(({ ask }) => ask)
  })
}

/** The same for a run. @throws {KithError} `usage` */
export async function runOf({ client }: CliContext, text: string): Promise<string> {
  return await fullId(text, async () => {
    const { runs } = await client.call('runs', { limit: LATEST })
    return runs.map(({ run }) => run)
  })
}

/** The same for a result. @throws {KithError} `usage` */
export async function artifactOf({ client }: CliContext, text: string): Promise<string> {
  return await fullId(text, async () => {
    const { artifacts } = await client.call('artifacts', { limit: LATEST })
    return artifacts.map(({ artifact }) => artifact)
  })
}

/** The same for an alert. @throws {KithError} `usage` */
export async function alertOf({ client }: CliContext, text: string): Promise<string> {
  return await fullId(text, async () => {
    const alerts = await client.call('alerts', {})
    return alerts.map(({ id }) => id)
  })
}
