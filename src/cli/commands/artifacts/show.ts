import { Command } from 'commander'
import type { Output } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { terminalSafe } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { artifactOf } from '../../full-ids.ts'
import { isTerminal, note, paint, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { makerText } from './list.ts'

interface ShowOptions {
  raw?: true
  json?: true
}

/** `kith artifacts show ID`: a result and where it comes from. Exits 1 when it is not what its hashes say. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show a result, and where it comes from')
    .argument('<id>', 'as kith artifacts has it: the id of its run')
    .option('--raw', 'the result alone, byte for byte: to a file or a pipe')
    .option('--json', 'print one JSON object')
    .action(async (id: string, options: ShowOptions) => {
      await showArtifact(cli, id, options)
    })
}

export async function showArtifact(
  cli: CliContext,
  id: string,
  { json, raw }: ShowOptions,
): Promise<void> {
  if (raw === true && isTerminal(cli.stdout)) {
    const what = '--raw is for a file or a pipe: what a program wrote may do things to a terminal'
    throw new KithError('usage', what, { what }, { hint: `kith artifacts show ${id}` })
  }
  const shown = await cli.client.call('showArtifact', { artifact: await artifactOf(cli, id) })
  if (!shown.intact) {
    const what = `artifacts-made/${id}`
    throw new KithError('corrupt', 'the result is not the one that its hashes are of', { what })
  }
  if (raw === true) cli.stdout.write(shown.content)
  else if (json === true) printJson(cli, shown)
  else {
    print(cli, provenanceTable(cli, shown))
    // Moved in, so that no line of it can pass for one of ours.
    print(cli, `\n${terminalSafe(shown.content).trimEnd().replaceAll(/^/gm, '    ')}`)
    if (shown.cut === true) note(cli, 'there was more than is kept')
    if (shown.review === 'unreviewed') {
      const how = sameHome(cli, `kith artifacts approve ${id}`)
      note(cli, `when you have read it: ${how}; or reject ${id} --why TEXT`)
    }
  }
}

function provenanceTable(cli: CliContext, shown: Output<'showArtifact'>): string {
  const { deliveries, hashes, model, reason, review, reviewedAt, reviewedBy, sources } = shown
  const who = reviewedBy === undefined ? '' : ` by ${reviewedBy}, ${timeText(reviewedAt ?? 0)}`
  const rows = [
    ['id', shown.artifact],
    ['review', `${review}${who}${reason === undefined ? '' : `: ${reason}`}`],
    ['job', shown.job],
    ['made', timeText(shown.madeAt)],
    ['by', makerText({ engine: shown.engine, ...(model === undefined ? {} : { model }) })],
    ...(shown.trace === undefined ? [] : [['ask', shown.trace]]),
    ['size', `${shown.sizeBytes} bytes`],
    ['sensitivity', shown.sensitivity],
    ...(shown.egress === undefined ? [] : [['egress', shown.egress]]),
    ...sources.map(({ digest, ref }) => ['source', `${digest} ${ref}`]),
    ['content', `${hashes.content} (SHA-256)`],
    ['prompt', hashes.prompt],
    ['context', hashes.context],
    ...deliveries.map(({ attempts, failure, state, to }) => [
      'delivery',
      `${to}: ${state} after ${attempts}${failure === undefined ? '' : ` (${failure.code}: ${failure.why})`}`,
    ]),
  ]
  const style = { unreviewed: 'yellow', accepted: 'green', rejected: 'red' } as const
  return table(rows, (cell, row, column) =>
    row === 1 && column === 1 ? paint(cli, style[review], cell) : cell,
  )
}
