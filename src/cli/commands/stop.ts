import { Command } from 'commander'
import { isFailure, KithError } from '../../protocol/errors.ts'
import { assertPerson } from '../assert-person.ts'
import type { CliContext } from '../context.ts'
import { durationText } from '../time-text.ts'
import { print, printJson } from '../terminal.ts'

/** Wait between two looks at the control socket, in ms. */
const LOOK_MS = 50

/** A node that drains for as long as it may, and is then ended by force, is gone well before this. */
const MAX_LOOKS = 2_400

/** One look takes no longer than this, in ms: a node on its way out may accept and never answer. */
const LOOK_TIMEOUT_MS = 1_000

/** `kith stop`: ends the running node and waits until it is gone. */
export function stopCommand(cli: CliContext): Command {
  return new Command('stop')
    .description('stop the running node and wait until it is gone')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await stop(cli, options)
    })
}

export async function stop(cli: CliContext, { json }: { json?: true }): Promise<void> {
  // A job that waits for the node to go would be waited for by the node.
  assertPerson(cli, 'kith stop')
  const begun = performance.now()
  await cli.client.call('stop', {})
  await gone(cli)
  const tookMs = Math.round(performance.now() - begun)
  if (json === true) printJson(cli, { stopped: true, tookMs })
  else print(cli, `stopped after ${durationText(tookMs)}`)
}

/** Resolves when nothing answers at the control socket any more. */
async function gone(cli: CliContext): Promise<void> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    try {
      await cli.client.call('status', {}, AbortSignal.timeout(LOOK_TIMEOUT_MS))
    } catch (err) {
      if (isFailure(err, 'daemon-not-running')) return
    }
    await cli.sleep(LOOK_MS)
  }
  throw new KithError(
    'stopping',
    'the node was told to stop and still runs',
    {},
    {
      hint: 'kith status',
    },
  )
}
