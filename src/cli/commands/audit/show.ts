import { Command } from 'commander'
import type { AuditEntryReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { onlineOrRecords } from '../../online-or-offline.ts'
import { collectList, positiveInteger, since } from '../../options.ts'
import { paint, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

interface ShowOptions {
  since?: number
  kind?: string[]
  who?: string
  lines: number
  json?: true
}

/** Entries that are red: somebody was refused, or keys are not what they were. */
const ALARMING: readonly string[] = ['denied', 'freeze', 'alert', 'restored']

/** `kith audit show`: the newest entries of the audit log, the last one below. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show the audit log')
    .option('--since <when>', 'entries from then on: 24h, 7d, a date or a time', since)
    .option('--kind <kinds>', 'of these kinds, such as grants, denied or key', collectList)
    .option('--who <who>', 'by owner, node, a peer, "token NAME" or "job NAME"')
    .option('-n, --lines <n>', 'the newest so many', positiveInteger, 50)
    .option('--json', 'print one JSON array')
    .action(async (options: ShowOptions) => {
      await showAudit(cli, options)
    })
}

export async function showAudit(cli: CliContext, options: ShowOptions): Promise<void> {
  const { json, kind: kinds, lines: limit, since: from, who } = options
  await assertKinds(kinds)
  const query = {
    limit,
    ...(from === undefined ? {} : { since: from }),
    ...(who === undefined ? {} : { who }),
  }
  const entries = await onlineOrRecords(
    cli,
    (client) =>
      client.call('audit', {
        ...query,
        ...(kinds === undefined ? {} : { kinds: kinds.join(',') }),
      }),
    (records) =>
      records.auditOffline(cli.home, { ...query, ...(kinds === undefined ? {} : { kinds }) }),
  )
  if (json === true) {
    printJson(cli, entries)
    return
  }
  if (entries.length === 0) {
    print(cli, 'no entry fits')
    return
  }
  const rows = entries.map(rowOf)
  const colour = (cell: string, row: number, column: number): string =>
    column === 2 && ALARMING.includes(entries[row]?.kind ?? '') ? paint(cli, 'red', cell) : cell
  print(cli, table(rows, colour))
}

/** @throws {KithError} `usage` for a kind that there is none of: silence would say that nothing of it has happened */
async function assertKinds(kinds: readonly string[] = []): Promise<void> {
  const { AUDIT_KINDS } = await import('../../../node/audit/audit-entry.ts')
  const unknown = kinds.find((kind) => !AUDIT_KINDS.some((known) => known === kind))
  if (unknown === undefined) return
  const what = `${JSON.stringify(unknown)} is none of ${AUDIT_KINDS.join(', ')}`
  throw new KithError('usage', what, { what })
}

function rowOf({ at, details = {}, kind, seq, what, who }: AuditEntryReport): string[] {
  const rest = Object.entries(details)
    .filter(([name]) => name !== 'subject')
    .map(([name, value]) => `${name}=${value}`)
  const shown = rest.length === 0 ? what : `${what} (${rest.join(', ')})`
  return [String(seq), timeText(at), kind, who, shown]
}
