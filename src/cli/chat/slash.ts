import { budgetText } from '../commands/budget/show.ts'
import type { CliContext } from '../context.ts'
import { print, table } from '../terminal.ts'
import { KithError } from '../../protocol/errors.ts'

/** What a command can change. */
export interface ChatState {
  readonly peer: string
  session: string
  /** Another name that no session has yet. */
  newSession: () => string
  left: boolean
}

interface SlashCommand {
  /** As it is typed, and what it does. */
  help: readonly [string, string]
  run: (cli: CliContext, state: ChatState, argument: string) => Promise<void> | void
}

/** As the wire has it: checked here, so that a name is refused when it is given and not when it is used. */
const SESSION = /^[\w.:-]{1,64}$/

const COMMANDS: Readonly<Record<string, SlashCommand>> = {
  help: {
    help: ['/help', 'these commands'],
    run: (cli) => {
      const rows = Object.values(COMMANDS).map(({ help }) => help)
      print(cli, table([...rows, ['//TEXT', 'an ask that begins with /']]))
    },
  },
  session: {
    help: ['/session [NAME]', 'which session this is, or go on with another one'],
    run: (cli, state, name) => {
      if (name !== '') state.session = checked(name)
      print(cli, `session ${state.session} with ${state.peer}`)
    },
  },
  new: {
    help: ['/new', 'begin a new session'],
    run: (cli, state) => {
      state.session = state.newSession()
      print(cli, `session ${state.session} with ${state.peer}`)
    },
  },
  budget: {
    help: ['/budget', 'how far the caps of today are used here'],
    run: async (cli) => {
      print(cli, budgetText(await cli.client.call('budget', {})))
    },
  },
  quit: {
    help: ['/quit', 'leave; so does Ctrl-D'],
    run: (_cli, state) => {
      state.left = true
    },
  },
}

/** Does what a line that begins with `/` says. @throws {KithError} `usage` for a command that there is not */
export async function runSlash(cli: CliContext, state: ChatState, line: string): Promise<void> {
  const [, name = '', argument = ''] = /^\/(\S*)\s*(.*)$/.exec(line) ?? []
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    const what = `there is no command /${name}: /help has them all, and //${name} is an ask`
    throw new KithError('usage', what, { what })
  }
  await command.run(cli, state, argument.trim())
}

/** @throws {KithError} `usage` */
export function checked(session: string): string {
  if (SESSION.test(session)) return session
  const what = 'the name of a session is 1 to 64 letters, digits and _ . : -'
  throw new KithError('usage', what, { what })
}
