import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { addCommand } from './add.ts'
import { confirmCommand } from './confirm.ts'
import {
  allowCommand,
  denyCommand,
  removeCommand,
  renameCommand,
  setAddressCommand,
} from './edit.ts'
import { explainCommand } from './explain.ts'
import { keyCommand } from './key.ts'
import { listCommand, showCommand } from './report.ts'
import { settleCommand } from './settle.ts'
import { whyCommand } from './why.ts'
import { acceptCommand, blockCommand, pendingCommand, unblockCommand } from './strangers.ts'

/** `kith peers …`: who is pinned here, and what each may do. */
export function peersCommand(cli: CliContext): Command {
  const peers = new Command('peers').description('who is pinned here, and what each may do')
  const commands = [
    addCommand,
    listCommand,
    showCommand,
    allowCommand,
    denyCommand,
    setAddressCommand,
    renameCommand,
    removeCommand,
    explainCommand,
    confirmCommand,
    whyCommand,
    settleCommand,
    pendingCommand,
    acceptCommand,
    blockCommand,
    unblockCommand,
    keyCommand,
  ]
  for (const command of commands)
    peers.addCommand(command(cli), { isDefault: command === listCommand })
  return peers
}
