import { Command } from 'commander'
import type { PeerReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'
import { listPeers, named } from './reach.ts'

/** `kith peers list` */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show all peers')
    .option('--json', 'print one JSON array')
    .action(async ({ json }: { json?: true }) => {
      const peers = await listPeers(cli)
      if (json === true) printJson(cli, peers)
      else if (peers.length === 0) print(cli, 'no peers')
      else print(cli, peersTable(peers, Date.now()))
    })
}

/** `kith peers show NAME` */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show all that is known of one peer')
    .argument('<name>', 'name of the peer')
    .option('--json', 'print one JSON object')
    .action(async (name: string, { json }: { json?: true }) => {
      const peer = named(await listPeers(cli), name)
      if (json === true) printJson(cli, peer)
      else print(cli, peerTable(peer, Date.now()))
    })
}

/** One line a peer: its name, state, rights and id, and what is to say of its connection. */
export function peersTable(peers: readonly PeerReport[], now: number): string {
  return table([
    ['NAME', 'STATE', 'MAY', 'SINCE', 'ID'],
    ...peers.map((peer) => [
      peer.name,
      peer.state,
      peer.allow.join(',') || '-',
      peer.connectedAt === undefined ? '-' : durationText(now - peer.connectedAt),
      peer.id ?? peer.key ?? '-',
    ]),
  ])
}

function peerTable(peer: PeerReport, now: number): string {
  const { addresses, connectedAt, lastError, nextDialAt, outbound } = peer
  const direction = outbound === true ? 'dialled by us' : 'dialled by it'
  return table([
    ['name', peer.name],
    ['state', peer.state],
    ...optional('since', connectedAt, (at) => `${timeText(at)}, ${direction}`),
    ...optional('unpinned you', peer.unpinnedUsAt, timeText),
    ...optional('id', peer.id, String),
    ...optional('words', peer.words, (words) => words.join(' ')),
    ...optional('peer id', peer.key, String),
    ...optional('software', peer.software, String),
    ...(addresses.length === 0 ? [['addresses', '-']] : []),
    ...addresses.map((address, index) => [index === 0 ? 'addresses' : '', address]),
    ['may', peer.allow.join(', ') || 'nothing'],
    ['calls', `${peer.callsPerMinute} a minute`],
    ...Object.entries(peer.ask).map(([key, value]) => [
      `ask ${ruleName(key)}`,
      ruleText(key, value),
    ]),
    ...optional('confirmed', peer.confirmed, String),
    ...policyRows(peer.policy),
    ...optional('last error', lastError, String),
    ...optional('next dial', nextDialAt, (at) => `in ${durationText(at - now)}`),
  ])
}

/** What our rules did with its calls. */
function policyRows(policy: PeerReport['policy']): string[][] {
  if (policy === undefined) return []
  const { allowed, denied, filtered, lastDenial, limited, review, since } = policy
  const counts = `${allowed} allowed, ${denied} denied, ${limited} limited`
  return [
    ['its calls', `${counts} since ${timeText(since)}`],
    ['its asks', `${filtered} with something kept back, ${review} that waited for you`],
    ...optional('last refused', lastDenial, ({ at, code, verb, why }) =>
      [timeText(at), `${verb}:`, code, `(${why})`].join(' '),
    ),
  ]
}

function optional<T>(label: string, value: T | undefined, text: (value: T) => string): string[][] {
  return value === undefined ? [] : [[label, text(value)]]
}

/** As peers.yaml has it: `per_minute`, `until`. */
function ruleName(key: string): string {
  return key.replace(/At$/, '').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function ruleText(key: string, value: unknown): string {
  if (key.endsWith('At') && typeof value === 'number') return timeText(value)
  if (Array.isArray(value)) return value.join(', ') || '-'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
