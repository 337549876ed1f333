import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { depsCommand } from './deps.ts'
import { peersCommand } from './peers.ts'
import { showCommand } from './show.ts'
import { verifyCommand } from './verify.ts'

/** `kith audit …`: the log of what mattered to the security of this node, and what proves it. */
export function auditCommand(cli: CliContext): Command {
  const audit = new Command('audit').description('what mattered to security, and what proves it')
  for (const command of [showCommand, verifyCommand, peersCommand, depsCommand]) {
    audit.addCommand(command(cli))
  }
  return audit
}
