import { Command } from 'commander'
import type { KeyReport, RotationReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { withKeys } from './reach.ts'
import { standingTable } from './standing.ts'

/** `kith key status`: how far each peer knows this node's keys, and which rotations wait. */
export function statusCommand(cli: CliContext): Command {
  return new Command('status')
    .description('show which peers know the key in use, and which rotations wait for a signature')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await keyStatus(cli, options)
    })
}

export async function keyStatus(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const { report, running } = await withKeys(cli, async (keys) => {
    const report = await keys.call('key', {})
    return { report, running: keys.running }
  })
  if (json === true) {
    const { key, peers, requests, sn, waiting } = report
    printJson(cli, {
      running,
      sn,
      ...(key === undefined ? {} : { key }),
      peers,
      ...(waiting === undefined ? {} : { waiting }),
      requests,
    })
    return
  }
  const { peers, requests, waiting } = report
  print(cli, peers.length === 0 ? 'no peers' : standingTable(cli, peers))
  if (waiting !== undefined) {
    print(cli, `\nwaits for its rotation key: ${rotationText(waiting)}`)
    print(cli, `    try: ${sameHome(cli, 'kith key request --via NAME')}`)
  }
  for (const request of requests) printRequest(cli, request)
  if (!running) note(cli, 'no node is running: what peers have acknowledged is known to it alone')
}

/** `rotation 3, routine, made 2026-11-21 09:00:00 (crane sick gate asthma)`. */
export function rotationText({ at, sn, why, words }: RotationReport): string {
  return `rotation ${sn}, ${why}, made ${timeText(at)} (${words.join(' ')})`
}

function printRequest(cli: CliContext, request: KeyReport['requests'][number]): void {
  const { endorsed, peer } = request
  print(cli, `\n${peer} asks for ${rotationText(request)}${endorsed ? ': signed' : ''}`)
  if (!endorsed) print(cli, `    try: ${sameHome(cli, `kith key sign ${peer}`)}`)
}
