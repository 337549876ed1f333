import { Command, Option } from 'commander'
import type { RotationReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { confirm } from '../../confirm.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { pointInTime, seconds } from '../../options.ts'
import { note, print, printJson } from '../../terminal.ts'
import { withKeys } from './reach.ts'
import type { Keys } from './reach.ts'
import { opening } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'
import { showChange } from './standing.ts'
import { rotationText } from './status.ts'

/** How long the key before may still announce its successor, unless something else is said. */
export const DEFAULT_GRACE_SECONDS = 86_400

interface RotateOptions extends PassphraseOptions {
  compromise?: true
  grace?: number
  lastGood?: number
  signed?: string
  yes?: true
  json?: true
}

/** `kith key rotate`: another key for this node, which no peer has to pin anew. */
export function rotateCommand(cli: CliContext): Command {
  return new Command('rotate')
    .description('give this node another key: its id stays, and no peer has to pin it anew')
    .addOption(
      new Option(
        '--compromise',
        'the key in use was stolen: it is out at once, without grace',
      ).conflicts('grace'),
    )
    .option('--grace <time>', 'for so long the old key may still announce the new one', seconds)
    .option('--last-good <time>', 'with --compromise: until when the key was yours', pointInTime)
    .addOption(
      new Option(
        '--signed <text>',
        'finish the rotation that `kith key sign` has signed',
      ).conflicts(['compromise', 'grace', 'lastGood']),
    )
    .option('--passphrase-stdin', 'open the keys with the first line of the standard input')
    .option('--yes', 'do not ask whether it was stolen')
    .option('--json', 'print one JSON object')
    .action(async (options: RotateOptions) => {
      assertPerson(cli, 'kith key rotate')
      await rotate(cli, options)
    })
}

export async function rotate(cli: CliContext, options: RotateOptions): Promise<void> {
  const { signed } = options
  if (signed !== undefined) {
    await withKeys(cli, (keys) => complete(cli, keys, signed, options))
    return
  }
  const { compromise, grace = DEFAULT_GRACE_SECONDS, lastGood, yes } = options
  if (lastGood !== undefined && compromise !== true) {
    const what = '--last-good goes with --compromise'
    throw new KithError('usage', what, { what }, { hint: 'kith key rotate --compromise' })
  }
  if (compromise === true) {
    const question =
      'Was the key in use stolen? It is out everywhere at once, and whoever has it is cut off.'
    await confirm(cli, question, yes === true ? { yes } : {})
  }
  await withKeys(cli, async (keys) => {
    const outcome = await opening(cli, options, (opener) =>
      keys.call('rotate', {
        why: compromise === true ? 'compromise' : 'routine',
        graceSeconds: compromise === true ? 0 : grace,
        ...(lastGood === undefined ? {} : { lastGoodAt: lastGood }),
        ...opener,
      }),
    )
    if (outcome.state === 'waiting') showWaiting(cli, outcome.rotation, options)
    else showChange(cli, outcome.report, { ...options, running: keys.running })
  })
}

/** Brings the rotation into force that was signed elsewhere. */
export async function complete(
  cli: CliContext,
  keys: Keys,
  endorsement: string,
  options: PassphraseOptions & { json?: true },
): Promise<void> {
  const report = await opening(cli, options, (opener) =>
    keys.call('completeRotation', { endorsement, ...opener }),
  )
  showChange(cli, report, { ...options, running: keys.running })
}

function showWaiting(cli: CliContext, rotation: RotationReport, { json }: { json?: true }): void {
  cli.exitCode = EXIT.needsPerson
  if (json === true) {
    printJson(cli, { state: 'waiting', rotation })
    return
  }
  print(cli, `${rotationText(rotation)}, is prepared`)
  print(cli, 'the key that rotates this node is on another one, which has to sign first')
  note(cli, `to ask that node: ${sameHome(cli, 'kith key request --via NAME --wait')}`)
  note(cli, `without a connection to it: ${sameHome(cli, 'kith key request')}`)
}
