import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../protocol/errors.ts'
import { checkPrivateFile, checkPrivateFolder } from '../store/atomic-file.ts'
import { isOpen } from './alerts.ts'
import type { Alerts } from './alerts.ts'
import type { Config } from './config.ts'
import type { Dialer } from './dialer.ts'
import type { Home } from './home.ts'
import type { Lobby } from './lobby.ts'
import type { Mesh } from './mesh.ts'
import type { Peer, Pins } from './pins.ts'
import type { Strangers } from './strangers.ts'

/** `warn`: the node does its work, and something needs a look. `fail`: something does not work, or is not safe. */
export type CheckState = 'ok' | 'warn' | 'fail'

/** What a check has found of one thing, and how to make it good. */
export interface Finding {
  state: CheckState
  what: string
  /** The command or edit that clears it. */
  hint?: string
}

/** What the checks look at: a `KithNode` is one. */
export interface CheckedNode {
  readonly storeFailure: Error | undefined
  readonly pins: Pick<Pins, 'peers' | 'problem'>
  /** The link to the node with this id, while it is up. */
  readonly links: { get: (id: string) => unknown }
  readonly dialer: Pick<Dialer, 'state'>
  readonly alerts: Pick<Alerts, 'list'>
  readonly lobby: Pick<Lobby, 'open'>
  readonly strangers: Pick<Strangers, 'blocks'>
  readonly mesh: Pick<Mesh, 'addresses'>
  readonly config: Pick<Config, 'lobby' | 'listen'>
  readonly home: Pick<Home, 'path'>
}

export interface Check {
  name: string
  /** At least one finding: what is well is said too. */
  run: (node: CheckedNode) => Finding[] | Promise<Finding[]>
}

/** All checks, what the rest depends on first. `kith status` shows what is not well, `kith doctor` everything. */
export const CHECKS: readonly Check[] = [
  {
    name: 'store',
    run: ({ storeFailure }) => [
      storeFailure === undefined ? ok('takes writes') : failed(storeFailure),
    ],
  },
  {
    name: 'peers-file',
    run: ({ pins: { problem } }) => [
      problem === undefined ? ok('is in force as it is on disk') : failed(problem),
    ],
  },
  { name: 'listener', run: (node) => [listenerFinding(node)] },
  { name: 'key-files', run: async ({ home }) => await keyFileFindings(home.path) },
  { name: 'lobby', run: (node) => [lobbyFinding(node)] },
  {
    name: 'peers',
    run: (node) => {
      const findings = node.pins.peers().map((peer) => peerFinding(node, peer))
      return findings.length > 0 ? findings : [ok('nobody is pinned')]
    },
  },
  { name: 'alerts', run: ({ alerts }) => alertFindings(alerts) },
]

/** Findings of all `checks`, in their order. A check that breaks is a finding of its own. */
export async function runChecks(
  node: CheckedNode,
  checks: readonly Check[] = CHECKS,
): Promise<(Finding & { check: string })[]> {
  const found = await Promise.all(
    checks.map(async ({ name, run }) => {
      const findings = await attempt(async () => await run(node))
      return findings.map((finding) => ({ check: name, ...finding }))
    }),
  )
  return found.flat()
}

/** The worst state of all. */
export function verdictOf(findings: readonly Finding[]): CheckState {
  const states = new Set(findings.map(({ state }) => state))
  if (states.has('fail')) return 'fail'
  return states.has('warn') ? 'warn' : 'ok'
}

async function attempt(run: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await run()
  } catch (err) {
    return [failed(err)]
  }
}

function ok(what: string): Finding {
  return { state: 'ok', what }
}

function failed(err: unknown): Finding {
  const what = err instanceof Error ? err.message : String(err)
  const hint = isFailure(err) ? err.hint : undefined
  return { state: 'fail', what, ...(hint === undefined ? {} : { hint }) }
}

/** The folder of the home, and every file in it that says who this node is. */
async function keyFileFindings(home: string): Promise<Finding[]> {
  const keys = join(home, 'keys')
  const inside = await readdir(keys, { recursive: true, withFileTypes: true })
  // What begins with a dot is half of a file that is being written.
  const entries = inside.filter(({ name }) => !name.startsWith('.'))
  const count = entries.filter(({ name }) => name.endsWith('.json')).length
  const looks = [
    () => checkPrivateFolder(home),
    () => checkPrivateFolder(keys),
    () => checkPrivateFile(join(home, 'identity.json'), { secret: false }),
    ...entries.map((entry) => async () => {
      const path = join(entry.parentPath, entry.name)
      await (entry.isDirectory() ? checkPrivateFolder(path) : checkKeyFile(path))
    }),
  ]
  const found = await Promise.all(
    looks.map(
      async (look) =>
        await attempt(async () => {
          await look()
          return []
        }),
    ),
  )
  const faults = found.flat()
  return faults.length > 0 ? faults : [ok(`${count} keys, closed to other users`)]
}

/** Says nothing of one that is gone by now: keys come and go in a rotation. */
async function checkKeyFile(path: string): Promise<void> {
  try {
    await checkPrivateFile(path, { secret: true })
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ENOENT')) throw err
  }
}

/** After a change of keys the listener begins anew, and somebody else may have taken its place. */
function listenerFinding({ config, mesh }: CheckedNode): Finding {
  const addresses = mesh.addresses()
  if (addresses.length > 0) return ok(`listens on ${addresses.join(', ')}`)
  if (config.listen.length === 0) return ok('listens nowhere, as configured')
  const what = `does not listen on ${config.listen.join(', ')}`
  return { state: 'fail', what, hint: 'see who has the port, then: kith stop; kith start' }
}

function lobbyFinding({ config, lobby, pins }: CheckedNode): Finding {
  if (config.lobby.mode === 'auto') {
    return ok(
      lobby.open ? 'is open: a pinned node may come with another key' : 'is shut: nobody needs it',
    )
  }
  const waiting = pins.peers().filter((peer) => peer.key === undefined && !peer.retired)
  if (waiting.length === 0) return ok('is off')
  const names = waiting.map(({ pin }) => pin.name).join(', ')
  return {
    state: 'warn',
    what: `is off, so that no peer that calls us can show its key log: ${names}`,
    hint: 'set lobby.mode to auto in config.yaml, then restart',
  }
}

function peerFinding(node: CheckedNode, peer: Peer): Finding {
  const { id, key, pin } = peer
  const { addresses, name } = pin
  if (peer.frozen) {
    return {
      state: 'fail',
      what: `${name} is frozen: two key logs stand against each other, and one may be a thief's`,
      hint: `ask its owner over another channel, who can type: kith key recover`,
    }
  }
  if (peer.retired) {
    const hint = `kith peers remove ${name}`
    return { state: 'warn', what: `${name} has retired and does not come back`, hint }
  }
  const blocked = [id, key, pin.key].find((who) => who !== undefined && node.strangers.blocks(who))
  if (blocked !== undefined) {
    const hint = `kith peers unblock ${blocked}`
    return { state: 'warn', what: `${name} is pinned and blocked, so it is not let in`, hint }
  }
  if (peer.unpinnedUsAt !== undefined) {
    const hint = `kith peers remove ${name}`
    return { state: 'warn', what: `${name} has unpinned this node, and is not dialled`, hint }
  }
  if (id !== undefined && node.links.get(id) !== undefined) return ok(`${name} is connected`)
  const lastError = node.dialer.state(name)?.lastError
  if (lastError !== undefined) {
    return { state: 'warn', what: `${name}: ${lastError}`, hint: `kith peers show ${name}` }
  }
  if (addresses.length > 0) return ok(`${name} is being dialled`)
  if (key === undefined) {
    return {
      state: 'warn',
      what: `${name} has no address here and has not connected yet`,
      hint: `kith peers set-address ${name} /ip4/…/tcp/…`,
    }
  }
  return ok(`${name} is not connected; without an address here, it is the one that calls`)
}

/** Alerts shown one by one; `kith alerts list` has all. */
const MAX_ALERTS_SHOWN = 20

function alertFindings(alerts: Pick<Alerts, 'list'>): Finding[] {
  const open = alerts.list().filter(isOpen)
  if (open.length === 0) return [ok('none is open')]
  const shown = open.slice(-MAX_ALERTS_SHOWN).map(({ count, hint, what }): Finding => {
    const times = count === 1 ? '' : ` (${count} times)`
    return { state: 'warn', what: `${what}${times}`, hint }
  })
  const hint = shown.length < open.length ? 'kith alerts list' : 'kith alerts ack --all'
  const are = open.length === 1 ? '1 alert is' : `${open.length} alerts are`
  const what = `${are} open until you acknowledge ${open.length === 1 ? 'it' : 'them'}`
  return [...shown, { state: 'warn', what, hint }]
}
