import { Command } from 'commander'
import type { RotationRequestReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { confirm } from '../../confirm.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'
import { opening } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'

/** How a request begins that was carried here. */
const REQUEST_PREFIX = 'kith://r/'

interface SignOptions extends PassphraseOptions {
  yes?: true
  json?: true
}

/** `kith key sign`: signs the next key of another node of the same owner, with the rotation key kept here. */
export function signCommand(cli: CliContext): Command {
  return new Command('sign')
    .description('sign the next key of another node of yours, whose rotation key is kept here')
    .argument('<what>', 'name of the peer that has asked, or what `kith key request` printed there')
    .option('--passphrase-stdin', 'open the kept key with the first line of the standard input')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(async (what: string, options: SignOptions) => {
      await sign(cli, what, options)
    })
}

export async function sign(cli: CliContext, what: string, options: SignOptions): Promise<void> {
  const pasted = what.trim().startsWith(REQUEST_PREFIX)
  const wanted = pasted
    ? await cli.client.call('inspectRotation', { request: what.trim() })
    : await requestOf(cli, what)
  const { peer, request, words } = wanted
  if (options.json !== true) cli.stderr.write(`${requestTable(wanted)}\n`)
  const question = `Did you ask for this on ${peer}, and does it show the words "${words.join(' ')}"?`
  await confirm(cli, question, options.yes === true ? { yes: true } : {})
  // The very request that was shown: another may have come since.
  const { endorsement } = await opening(cli, options, (opener) =>
    cli.client.call('signRotation', { request, ...opener }),
  )
  if (options.json === true) {
    printJson(cli, { ...wanted, endorsement })
    return
  }
  print(cli, endorsement)
  if (pasted) note(cli, `on ${peer}: kith key rotate --signed 'TEXT'`)
  else
    note(
      cli,
      `${peer} fetches this by itself; without a connection: kith key rotate --signed 'TEXT'`,
    )
}

async function requestOf(cli: CliContext, name: string): Promise<RotationRequestReport> {
  const { requests } = await cli.client.call('key', {})
  const found = requests.find(({ peer }) => peer === name)
  if (found !== undefined) return found
  const what = `${name} has not asked for a signature`
  const hint = 'there: kith key request --via NAME, with its name for this node'
  throw new KithError('no-rotation', what, { home: cli.home.path }, { hint })
}

function requestTable(wanted: RotationRequestReport): string {
  const { at, graceSeconds, id, key, lastGoodAt, peer, sn, why, words } = wanted
  const stolen = lastGoodAt === undefined ? '' : `, last good ${timeText(lastGoodAt)}`
  const reason =
    why === 'compromise'
      ? `its key in use was stolen${stolen}`
      : `routine, grace ${durationText(graceSeconds * 1_000)}`
  return table([
    ['node', `${peer} (${id})`],
    ['rotation', `${sn}, made ${timeText(at)}`],
    ['why', reason],
    ['new key', key],
    ['words', words.join(' ')],
  ])
}
