import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { KeyEventReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'
import { logTable } from './log-table.ts'
import { withKeys } from './reach.ts'

interface LogOptions {
  export?: string
  json?: true
}

/** `kith key log`: the events that made this node what it is, or a peer. This node's own need no node that runs. */
export function logCommand(cli: CliContext): Command {
  return new Command('log')
    .description('show a key log: the signed events that the keys of a node are checked by')
    .argument('[peer]', 'name of the peer whose log it is, as it is held here; this node without')
    .option(
      '--export <file>',
      'write it to a new file: kith key recover --log makes a lost home anew',
    )
    .option('--json', 'print JSON')
    .action(async (peer: string | undefined, options: LogOptions) => {
      if (options.export === undefined) await showLog(cli, peer, options)
      else await exportLog(cli, peer, options.export, options)
    })
}

async function showLog(
  cli: CliContext,
  peer: string | undefined,
  { json }: LogOptions,
): Promise<void> {
  const log = await eventsOf(cli, peer)
  if (json === true) printJson(cli, log)
  else if (log.length === 0) print(cli, `${peer ?? 'this node'} has not shown its key log yet`)
  else print(cli, logTable(log))
}

async function eventsOf(cli: CliContext, peer: string | undefined): Promise<KeyEventReport[]> {
  if (peer !== undefined) return (await cli.client.call('peerKeys', { name: peer })).log
  return (await withKeys(cli, (keys) => keys.call('key', {}))).log
}

export async function exportLog(
  cli: CliContext,
  peer: string | undefined,
  path: string,
  { json }: LogOptions,
): Promise<void> {
  const input = peer === undefined ? {} : { peer }
  const exported = await withKeys(cli, (keys) => keys.call('exportKeyLog', input))
  await writeNew(path, exported.file)
  const { events, frozen, id, words } = exported
  if (json === true) {
    printJson(cli, { path, id, words, events, frozen })
    return
  }
  print(
    cli,
    `${path} has the key log of ${id} (${words.join(' ')}), ${events} events; nothing in it is secret`,
  )
  if (frozen) note(cli, 'another log stands against it: what is exported was seen first here')
  note(
    cli,
    `in an empty home, its recovery words make the node anew: kith key recover --log ${path}`,
  )
}

/** @throws {KithError} `exists` */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'EEXIST')) throw err
    throw new KithError('exists', `${path} is there already`, { what: path }, { cause: err })
  }
}
