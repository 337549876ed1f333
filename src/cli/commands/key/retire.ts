import { Command, Option } from 'commander'
import type { Input, KeyReport, RetireReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { typed } from '../../confirm.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { withKeys } from './reach.ts'
import type { Keys } from './reach.ts'
import { opening, readWords } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'

const QUESTION = 'The 24 words of its rotation key, or of its recovery key (not shown): '

interface RetireOptions extends PassphraseOptions {
  words?: true
  yes?: true
  json?: true
}

/** `kith key retire`: ends this node for good. Works whether it runs or not; if it runs, it stops. */
export function retireCommand(cli: CliContext): Command {
  return new Command('retire')
    .description('end this node for good: its peers take no key of it any more')
    .addOption(
      new Option(
        '--words',
        'end it by the words of its rotation or its recovery key, typed or piped',
      ).conflicts('passphraseStdin'),
    )
    .option('--passphrase-stdin', 'open the keys with the first line of the standard input')
    .option('--yes', 'do not ask for its four words first')
    .option('--json', 'print one JSON object')
    .action(async (options: RetireOptions) => {
      assertPerson(cli, 'kith key retire')
      await retire(cli, options)
    })
}

export async function retire(cli: CliContext, options: RetireOptions): Promise<void> {
  await withKeys(cli, async (keys) => {
    const before = await keys.call('key', {})
    const { id, key, rotationKey, words } = before
    if (key === undefined) {
      const hint = 'kith key log'
      throw new KithError('retired', `the node ${id} has retired already`, { id }, { hint })
    }
    if (options.yes !== true) {
      for (const line of consequences(cli, before, keys.running)) note(cli, line)
      await typed(cli, 'Its four words, to end it: ', words.join(' '))
    }
    const byWords = options.words === true || rotationKey === 'off-host'
    const ended = byWords
      ? await end(keys, { words: (await readWords(cli, QUESTION, {})).words })
      : await opening(cli, options, (opener) => end(keys, opener))
    if (options.json === true) printJson(cli, { state: 'retired', running: false, ...ended })
    else show(cli, ended, before.windowHours)
  })
}

async function end(keys: Keys, by: Input<'retire'>): Promise<RetireReport> {
  return await keys.call('retire', by)
}

/** What follows, and for whom, before it is done. */
function consequences(
  cli: CliContext,
  { id, peers, words }: KeyReport,
  running: boolean,
): string[] {
  const [here, away] = [true, false].map((connected) =>
    peers.filter((peer) => peer.connected === connected).map(({ peer }) => peer),
  )
  return [
    `this ends ${id} (${words.join(' ')}): it neither calls nor answers again, and its keys are erased`,
    'its files stay, and can be read',
    ...(here?.length ? [`hear of it now: ${here.join(', ')}`] : []),
    ...(away?.length
      ? [`do not hear of it, since they are not connected: ${away.join(', ')}`]
      : []),
    ...(running || peers.length === 0
      ? []
      : [`no node is running that could tell its peers: ${sameHome(cli, 'kith start')} first`]),
  ]
}

function show(cli: CliContext, { id, peers, sn }: RetireReport, windowHours: number): void {
  print(cli, `${id} has ended, by event ${sn} of its key log`)
  if (peers.length > 0) {
    const rows = peers.map(({ peer, told }) => [peer, told ? 'yes' : 'no'])
    print(cli, `\n${table([['PEER', 'KNOWS'], ...rows])}`)
  }
  const untold = peers.filter(({ told }) => !told).map(({ peer }) => peer)
  if (untold.length > 0) {
    const names = untold.join(', ')
    note(cli, `nobody tells ${names} from here any more: ask their owners to remove the pin`)
  }
  note(
    cli,
    `unless they have ended it, its recovery words undo this within ${windowHours} h: ${sameHome(cli, 'kith key recover')}`,
  )
  note(cli, 'a new node needs a home of its own: kith --home DIR init')
}
