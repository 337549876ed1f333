import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { KithError, isFailure } from '../../protocol/errors.ts'
import type { RestoreReport } from '../backup-module.ts'
import { daemonBeside } from '../beside-daemon.ts'
import { bytesText } from '../bytes-text.ts'
import { confirm } from '../confirm.ts'
import type { CliContext } from '../context.ts'
import { sameHome } from '../context.ts'
import { canPrompt } from '../passphrase.ts'
import { note, print, printJson } from '../terminal.ts'
import { timeText } from '../time-text.ts'
import { authorLines, neededKey, withAuthorOptions, withBar } from './backup/opening.ts'
import type { AuthorOptions, KeyOptions } from './backup/opening.ts'

interface RestoreOptions extends AuthorOptions, KeyOptions {
  dryRun?: true
  force?: true
  json?: true
}

/** `kith restore`: puts a backup in the place of this home. */
export function restoreCommand(cli: CliContext): Command {
  const command = new Command('restore')
    .description('bring this home back from a backup; the one that is there is kept beside it')
    .argument('<file>', 'the backup')
    .option('--dry-run', 'verify all of it and show what would come of it; change nothing')
    .option('--force', 'put it in the place of the home that is there, without asking')
    .option('--identity <file>', 'file with the age identity of one of its recipients')
    .option('--passphrase-stdin', 'open it with the first line of the standard input')
  return withAuthorOptions(command)
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: RestoreOptions) => {
      await restore(cli, resolve(file), options)
    })
}

export async function restore(
  cli: CliContext,
  file: string,
  options: RestoreOptions,
): Promise<void> {
  const { home } = cli
  const dryRun = options.dryRun === true
  // Whoever is going to be refused need not type a passphrase.
  await assertNotRunning(cli)
  const { restoreBackup } = await cli.backups()
  if (!dryRun) await agree(cli, options)
  const key = await neededKey(cli, file, options)
  const report = await withBar(cli, 'restoring', (onProgress, signal) =>
    restoreBackup({ file, key, home, dryRun, wanted: options, onProgress, signal }),
  )
  if (options.json === true) {
    printJson(cli, { home: home.path, dryRun, ...report })
    return
  }
  show(cli, report, dryRun)
}

async function assertNotRunning(cli: CliContext): Promise<void> {
  try {
    const { pid } = await cli.client.call('status', {})
    const home = cli.home.path
    const message = `a node runs in ${home}: process ${pid}`
    const hint = (await daemonBeside(cli, home)) === pid ? 'kith daemon stop' : 'kith stop'
    throw new KithError('locked', message, { home, pid }, { hint })
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
  }
}

async function agree(cli: CliContext, { force }: RestoreOptions): Promise<void> {
  const { path } = cli.home
  if (force === true || !existsSync(path)) return
  if (!canPrompt(cli)) {
    const what = `there is a home in ${path}, and nobody can be asked: say --force`
    throw new KithError('usage', what, { what })
  }
  await confirm(cli, `Put the backup in the place of ${path}, which is kept beside it?`, {})
}

function show(cli: CliContext, report: RestoreReport, dryRun: boolean): void {
  const { author, before, merged, summary } = report
  const { backupAt, bytes, files, node } = summary
  const did = dryRun ? 'would be restored to' : 'is restored to'
  print(cli, `${node} ${did} ${cli.home.path}`)
  print(cli, `as it was ${timeText(backupAt)}: ${files} files, ${bytesText(bytes)}`)
  for (const line of [...authorLines(author), ...kept(merged)]) note(cli, line)
  if (before !== undefined) note(cli, `the home that was there: ${before}`)
  if (dryRun) {
    note(cli, 'nothing was changed')
    return
  }
  note(cli, 'this node must run in one place only: see that the old one never starts again')
  note(cli, `${sameHome(cli, 'kith start')}, then ${sameHome(cli, 'kith doctor')}`)
  note(cli, 'if somebody else may have had the backup and opened it: kith key rotate --compromise')
}

/** What was not taken back, and what the owner has to look at. */
function kept(merged: RestoreReport['merged']): string[] {
  const { ahead, blocked, keyLog, peers, peersBeside, revokedInvites, storeRead } = merged
  const lines: string[] = []
  if (keyLog === 'home') lines.push('its keys are those of the home: they are newer')
  if (peers === 'home') lines.push('who is pinned is as the home had it')
  if (peersBeside !== undefined) {
    lines.push(`who was pinned in the backup is beside it, in ${peersBeside}`)
  }
  if (blocked.length > 0) lines.push(`not pinned, since they are blocked: ${blocked.join(', ')}`)
  if (revokedInvites > 0) {
    lines.push(`${revokedInvites} open invites are revoked: they may have been used since`)
  }
  if (!storeRead) {
    lines.push('no home was read, so whom you have unpinned or blocked since is not known here:')
    lines.push('look through kith peers list before you start')
  }
  for (const { peer, sn } of ahead) {
    lines.push(`${peer} holds key log event ${sn} of this node, which is newer: kith key recover`)
  }
  return lines
}
