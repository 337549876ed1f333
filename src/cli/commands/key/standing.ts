import type { KeyReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

type Standing = KeyReport['peers'][number]

/** What each peer knows of this node's keys, and what becomes of those that know less. */
export function standingTable(cli: CliContext, peers: readonly Standing[]): string {
  return table([
    ['PEER', 'STATE', 'CONNECTED', 'WHAT HAPPENS'],
    ...peers.map((peer) => [
      peer.peer,
      peer.state,
      peer.connected ? 'yes' : 'no',
      outcomeOf(cli, peer),
    ]),
  ])
}

/** Says that other keys are in force, and who knows. */
export function showChange(
  cli: CliContext,
  report: KeyReport,
  { json, running }: { json?: true; running: boolean },
): void {
  if (json === true) {
    printJson(cli, { state: 'rotated', report, running })
    return
  }
  const { graceEndsAt, id, key = '-', peers, sn } = report
  print(cli, `this node has another key now: ${key}`)
  print(cli, `it is event ${sn} of its key log; its id is still ${id}`)
  if (running && peers.length > 0) print(cli, `\n${standingTable(cli, peers)}`)
  if (!running) note(cli, 'no node is running: peers learn of it at the next start')
  if (graceEndsAt !== undefined) {
    note(cli, `until ${timeText(graceEndsAt)} the key before may announce this one, and no more`)
  }
}

function outcomeOf(cli: CliContext, { sn, state }: Standing): string {
  switch (state) {
    case 'acknowledged':
      return 'knows the key in use'
    case 'unseen': {
      const knows = sn === undefined ? '' : `knows event ${sn}; `
      return `${knows}catches up by itself, when it calls or is called`
    }
    case 'frozen':
      return `holds two key logs of this node: ${sameHome(cli, 'kith key recover')}`
    case 'unknown':
      return 'the running node knows'
  }
}
