import { Command, Option } from 'commander'
import type { Input } from '../../../node/control/api.ts'
import { terminalSafe } from '../../../protocol/text.ts'
import { assertPerson } from '../../assert-person.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'

type Answer = Input<'answerApproval'>['answer']

/** Why a yes to more than one call was a yes to one. */
export const ONCE_ONLY =
  'to this call alone: what it runs may be in a file, and be something else the next time'

interface AnswerOptions {
  at?: string
  json?: true
}

/** `kith approvals grant ID` */
export function grantCommand(cli: CliContext): Command {
  return answering('grant', 'let a call run that waits for you')
    .addOption(
      new Option('--session', 'and all that are like it in this session').conflicts('always'),
    )
    .option('--always', 'and all that are like it, whenever this peer asks')
    .action(
      async (approval: string, options: AnswerOptions & { session?: true; always?: true }) => {
        const { always, session } = options
        const once = session === true ? 'session' : 'once'
        await give(cli, approval, always === true ? 'always' : once, options)
      },
    )
}

/** `kith approvals deny ID` */
export function denyCommand(cli: CliContext): Command {
  return answering('deny', 'refuse a call that waits for you').action(
    async (approval: string, options: AnswerOptions) => {
      await give(cli, approval, 'deny', options)
    },
  )
}

function answering(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<id>', 'as kith approvals has it')
    .option('--at <peer>', 'one that waits at that node')
    .option('--json', 'print one JSON object')
}

async function give(
  cli: CliContext,
  approval: string,
  answer: Answer,
  { at: peer, json }: AnswerOptions,
): Promise<void> {
  assertPerson(cli, 'kith approvals')
  const where = peer === undefined ? {} : { peer }
  const answered = await cli.client.call('answerApproval', { approval, answer, ...where })
  if (json === true) {
    printJson(cli, answered)
    return
  }
  print(cli, terminalSafe(`${answered.approval} is ${answered.state}`))
  if (answered.onceOnly === true) {
    note(cli, ONCE_ONLY)
    return
  }
  if (peer === undefined && (answer === 'session' || answer === 'always')) {
    note(cli, `to be asked again: ${sameHome(cli, `kith approvals forget ${approval}`)}`)
  }
}
