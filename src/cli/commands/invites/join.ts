import { Command } from 'commander'
import type { JoinReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { GrantName } from '../../../protocol/pin.ts'
import { assertPerson } from '../../assert-person.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { askSecret } from '../../prompt.ts'
import { isTerminal, note, print, printJson, Progress } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { collectGrants, GRANTS_TEXT } from '../peers/grants.ts'
import { PAIRED_GRANTS } from './invite.ts'

/** The command waits for so many attempts, over some seconds; the node goes on after that. */
const PATIENCE = 3

/** No link is longer. */
const MAX_INPUT_CHARS = 4_096

interface JoinOptions {
  name?: string
  allow?: GrantName[]
  want?: GrantName[]
  json?: true
}

/** `kith join LINK`: redeems an invite. The node goes on by itself if the inviter is away. */
export function joinCommand(cli: CliContext): Command {
  return new Command('join')
    .description('redeem an invite: this node and the one that made it pin each other')
    .argument('<link>', 'kith://i/…; with - it is read from stdin, unseen by other users')
    .option('--name <name>', 'your own name for the inviter, instead of what it suggests')
    .option(
      '--allow <grants>',
      `what it may do here: ${GRANTS_TEXT}; with commas, or given again (default: ping,ask)`,
      collectGrants,
    )
    .option('--want <grants>', 'what you want to do there (default: all it offers)', collectGrants)
    .option('--json', 'print one JSON object')
    .action(async (link: string, options: JoinOptions) => {
      assertPerson(cli, 'kith join')
      await join(cli, link, options)
    })
}

export async function join(
  cli: CliContext,
  text: string,
  { allow = [...PAIRED_GRANTS], json, name, want }: JoinOptions,
): Promise<void> {
  const link = text === '-' ? await readLink(cli) : text
  const begun = await cli.client.call('join', {
    link,
    allow,
    ...(name === undefined ? {} : { name }),
    ...(want === undefined ? {} : { wants: want }),
  })
  if (name !== undefined && name !== begun.name) {
    note(cli, `that node is pinned here as ${begun.name}, and keeps this name`)
  }
  const joined = await follow(cli, begun)
  if (json === true) printJson(cli, joined)
  else if (joined.paired !== undefined && joined.state === 'paired') {
    const { paired } = joined
    print(cli, `${joined.name} and this node have pinned each other`)
    print(cli, `words: ${paired.words.join(' ')}`)
    const confirm = sameHome(cli, `kith peers confirm ${joined.name}`)
    note(
      cli,
      `${joined.name} sees the same four, if nobody is in between; once compared: ${confirm}`,
    )
  }
  if (joined.state === 'paired') return
  const why = joined.lastError ?? 'not tried yet'
  if (joined.state === 'over') {
    const hint = 'ask for a new invite'
    throw new KithError('bad-invite', 'the invite has expired', { why: 'expired' }, { hint })
  }
  note(cli, `${joined.name} is not paired yet: ${why}`)
  note(cli, 'its node may be off, or the invite used, burned or taken back: it does not say which')
  goesOn(cli, joined)
  cli.exitCode = EXIT.noAnswer
}

/** How it stands once it is over, or was tried often enough. */
async function follow(cli: CliContext, begun: JoinReport): Promise<JoinReport> {
  const progress = new Progress(cli.stderr)
  const { first, release } = cli.interrupts()
  let report = begun
  try {
    while (isOpen(report) && report.attempts < begun.attempts + PATIENCE) {
      const { attempts, lastError, name } = report
      const tried = lastError === undefined ? '' : `, tried ${attempts} times: ${lastError}`
      progress.show(`pairing with ${name}${tried}`)
      report = await cli.client.call('followJoin', { invite: begun.invite, after: attempts }, first)
    }
    return report
  } catch (err) {
    if (!first.aborted) throw err
    progress.clear()
    goesOn(cli, report)
    throw first.reason
  } finally {
    progress.clear()
    release()
  }
}

function goesOn(cli: CliContext, { name, until }: JoinReport): void {
  const stop = sameHome(cli, `kith invites revoke ${name}`)
  note(cli, `this node goes on trying by itself until ${timeText(until)}; to stop it: ${stop}`)
  note(cli, `to see how it stands: ${sameHome(cli, 'kith invites list')}`)
}

function isOpen({ state }: JoinReport): boolean {
  return state === 'trying' || state === 'half'
}

/** What stands on stdin, or is typed or pasted unseen on a terminal. */
async function readLink(cli: CliContext): Promise<string> {
  if (isTerminal(cli.stdin)) return await askSecret(cli, 'link: ')
  let text = ''
  cli.stdin.setEncoding('utf8')
  for await (const chunk of cli.stdin as AsyncIterable<string>) {
    text += chunk
    if (text.length > MAX_INPUT_CHARS) break
  }
  return text.trim().slice(0, MAX_INPUT_CHARS)
}
