import type { PeerReport, StatusReport } from '../../node/control/api.ts'
import { EXIT } from '../exit-codes.ts'
import type { CommandEnd, DemoNode } from './demo-node.ts'

/** Longest wait for two nodes to find each other, in looks; each is a command of 0.1 s or more. */
const MAX_LOOKS = 50

/** How `kith ...args` ended, which was well. @throws when it was not */
export async function succeed(node: DemoNode, ...args: string[]): Promise<CommandEnd> {
  const end = await node.run(...args)
  check(
    end.code === EXIT.ok,
    `${node.name}: kith ${args.join(' ')} ended with ${end.code}: ${end.stderr}`,
  )
  return end
}

/** Why an ask was refused, after a look at whether it was, by the peer and for this rule. */
export function refused({ code, stderr }: CommandEnd, rule: string): string {
  check(
    code === EXIT.refusedByPeer,
    `exit code ${code} instead of ${EXIT.refusedByPeer}: ${stderr}`,
  )
  const { error } = JSON.parse(stderr) as { error: { code: string; details: { rule?: string } } }
  check(
    error.code === 'denied' && error.details.rule === rule,
    `refused for another cause: ${stderr}`,
  )
  return `refused (${error.code}, rule: ${rule}), exit code ${code}`
}

/** The peer of this name at `node`, once they are connected. @throws when they do not come to it */
export async function connected(node: DemoNode, name: string): Promise<PeerReport> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const peers = parse(await succeed(node, 'peers', 'list', '--json')) as PeerReport[]
    const peer = peers.find((candidate) => candidate.name === name)
    if (peer?.state === 'connected') return peer
  }
  throw new Error(`${node.name} and ${name} did not connect`)
}

/** What `kith status` says. */
export async function statusOf(node: DemoNode): Promise<StatusReport> {
  return parse(await succeed(node, 'status', '--json')) as StatusReport
}

/** What was printed, as JSON. */
export function parse({ stdout }: CommandEnd): unknown {
  return JSON.parse(stdout)
}

/** What was printed, as JSON a line. */
export function lines({ stdout }: CommandEnd): unknown[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

/** @throws {Error} `otherwise`, unless it held */
export function check(held: boolean, otherwise: string): asserts held {
  if (!held) throw new Error(otherwise.trim())
}
