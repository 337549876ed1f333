import { Command } from 'commander'
import type { PeerKeysReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { logTable } from '../key/log-table.ts'

const HOUR_MS = 3_600_000

/** Enough to type, and more than a thief can make alike. */
const HASH_DIGITS = 32

/** `kith peers why NAME`: why this node takes a peer for who it is, and by which key. */
export function whyCommand(cli: CliContext): Command {
  return new Command('why')
    .description("show a peer's key log, what of it decides, and what to type next")
    .argument('<name>', 'name of the peer')
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: { json?: true }) => {
      await why(cli, name, options)
    })
}

export async function why(cli: CliContext, name: string, { json }: { json?: true }): Promise<void> {
  const report = await onlineOrOffline(
    cli,
    (client) => client.call('peerKeys', { name }),
    (node) => node.peerKeysOffline(cli.home, name),
  )
  if (json === true) {
    printJson(cli, report)
    return
  }
  const { conflict, log } = report
  if (log.length > 0) print(cli, logTable(log))
  if (conflict.length > 0) {
    print(cli, '\nagainst it stands:\n')
    print(cli, logTable(conflict))
  }
  if (log.length > 0) print(cli, '')
  const { decides, hint } = verdictOf(report, Date.now())
  for (const line of decides) print(cli, line)
  if (hint !== undefined) print(cli, `    try: ${sameHome(cli, hint)}`)
}

interface Decision {
  decides: string[]
  hint?: string
}

function verdictOf(report: PeerKeysReport, now: number): Decision {
  const { peer, state } = report
  switch (state) {
    case 'waiting':
      return {
        decides: [
          `${peer} has not shown its key log yet: until it does, it gets nowhere but the lobby`,
        ],
        hint: `kith ping ${peer}`,
      }
    case 'retired':
      return {
        decides: [`${peer} has retired: no key of it is let in`],
        hint: `kith peers remove ${peer}`,
      }
    case 'frozen':
      return frozen(report, now)
    case 'in-force':
      return inForce(report, now)
  }
}

function inForce(
  { graceEndsAt, log, peer, windowHours = 0 }: PeerKeysReport,
  now: number,
): Decision {
  const bringer = log.findLast(({ key }) => key !== undefined)
  const decides = [
    `event ${bringer?.sn ?? 0} decides: ${peer} is whoever has ${bringer?.key ?? '-'}`,
  ]
  if (graceEndsAt !== undefined) {
    decides.push(`until ${timeText(graceEndsAt)} the key before may fetch and announce key logs`)
  }
  const settledAt = (bringer?.seenAt ?? 0) + windowHours * HOUR_MS
  if (bringer?.type === 'rot' && settledAt > now) {
    decides.push(`until ${timeText(settledAt)} its recovery key can undo that`)
  }
  return { decides }
}

function frozen({ conflict, log, peer, windowHours = 0 }: PeerKeysReport, now: number): Decision {
  const fork = conflict[0]?.sn ?? 0
  const until = (log.find(({ sn }) => sn === fork)?.seenAt ?? 0) + windowHours * HOUR_MS
  const [ours, theirs] = [log, conflict].map((events) => events.at(-1)?.hash.slice(0, HASH_DIGITS))
  const decides = [
    `both event ${fork} are valid, so one is a thief's: ${peer} is frozen, and may only ping`,
    'the log that was seen first is kept; neither is followed further',
    `it ends in the hash ${ours}; what stands against it, in ${theirs}`,
  ]
  if (conflict.some(({ type }) => type === 'rec')) {
    decides.push('its recovery key stands against that log, and came too late here to undo it')
  } else {
    const where = until > now ? `on either until ${timeText(until)}` : 'on top of that log'
    const ask = 'ask its owner over another channel, who can type: kith key recover'
    decides.push(`its recovery key settles it, ${where}: ${ask}`)
  }
  return {
    decides,
    hint: `kith peers settle ${peer} HASH, when its owner has said which is theirs`,
  }
}
