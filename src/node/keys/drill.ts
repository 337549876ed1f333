import { isFailure, toError } from '../../protocol/errors.ts'
import { judgeKeyLog } from '../../protocol/key-log-judge.ts'
import type { HeldKeyLog } from '../../protocol/key-log-judge.ts'
import { replayKeyLog, stateAtEnd } from '../../protocol/key-log.ts'
import { MAX_ROTATION_SN } from '../../protocol/limits.ts'
import type { PeerStanding } from '../announcer.ts'
import type { DrillReport } from '../control/routes/keys.ts'
import { openKeyInUse } from '../identity.ts'
import { keyFolder, openKey } from './key-files.ts'
import { readOwnLog } from './own-log.ts'
import { whereRotationKeyIs } from './rotation-key.ts'
import { rotateStandIn, standInFor } from './stand-in.ts'
import type { StandIn } from './stand-in.ts'

/** So few events left, and the owner is told. */
const FEW_EVENTS = 8

/** A peer as it stands now. */
export interface DrillPeer {
  name: string
  /** What it has last said that it holds of our key log; undefined when no node runs that could tell. */
  standing: PeerStanding | undefined
  /** Number of the last event that it has acknowledged. */
  sn: number | undefined
  connected: boolean
  hasAddress: boolean
  /** It has two key logs that stand against each other. */
  frozen: boolean
  retired: boolean
  unpinnedUs: boolean
}

/** What a drill starts from. */
export interface DrillInit {
  /** This node's own key log. */
  log: readonly Uint8Array[]
  rotationKey: 'here' | 'off-host'
  /** What came of opening the files of the keys. */
  opened: Opened
  /** Since when a rotation waits for its rotation key, in ms since the epoch. */
  waitingSince: number | undefined
  lobbyOff: boolean
  running: boolean
  peers: DrillPeer[]
  now: number
}

/** `sealed`: nobody has given their passphrase. */
type Opened = 'opened' | 'sealed' | Error

type Finding = DrillReport['findings'][number]

/**
 * Opens the keys in the files of this home, and keeps none of them.
 *
 * @throws {KithError} `passphrase` for a wrong one; as `readOwnLog`
 */
export async function openingOf(
  home: string,
  passphrase: string | undefined,
): Promise<Pick<DrillInit, 'opened' | 'rotationKey'>> {
  const own = await readOwnLog(home)
  const rotationKey = await whereRotationKeyIs(home)
  try {
    if (own.state.keyInForce !== undefined) await openKeyInUse(home, own, passphrase)
    await openKey(keyFolder(home), own.state.nextCommitment, passphrase)
    return { rotationKey, opened: 'opened' }
  } catch (err) {
    if (!isFailure(err, 'passphrase')) return { rotationKey, opened: toError(err) }
    if (err.details.given) throw err
    return { rotationKey, opened: 'sealed' }
  }
}

/**
 * What a rotation would come to, played through with a stand-in for this node and for each of its peers. Changes
 * nothing, and asks nobody.
 */
export function drill(init: DrillInit): DrillReport {
  const findings = findingsOf(init)
  const states = new Set(findings.map(({ state }) => state))
  return { state: states.has('fail') ? 'fail' : states.has('warn') ? 'warn' : 'ok', findings }
}

function findingsOf(init: DrillInit): Finding[] {
  const [log, rotated] = rotate(init)
  return [
    log,
    rotationKey(init),
    ...(init.lobbyOff ? [LOBBY_OFF] : []),
    {
      check: 'recovery-words',
      state: 'unchecked',
      what: 'only their words prove them, and a drill does not have them',
      hint: 'kith key recover --dry-run',
    },
    ...(init.running ? [] : [NOT_RUNNING]),
    ...(rotated === undefined ? [] : init.peers.map((peer) => tell(peer, rotated, init.now))),
  ]
}

const LOBBY_OFF: Finding = {
  check: 'lobby',
  state: 'warn',
  what: 'is off: a peer that dials the old key finds nobody who shows it the new one',
  hint: 'set lobby.mode to auto in config.yaml, then restart',
}

const NOT_RUNNING: Finding = {
  check: 'node',
  state: 'unchecked',
  what: 'is not running: it alone knows who is connected, and who holds what',
  hint: 'kith start',
}

/** A stand-in before and after a rotation. */
interface Rotated {
  before: StandIn
  after: StandIn
}

function rotate({ log, now }: DrillInit): [Finding, Rotated | undefined] {
  const check = 'key-log'
  if (stateAtEnd(replayKeyLog(log)).keyInForce === undefined) {
    const what = 'has ended: no key is in force that could be followed by another'
    return [{ check, state: 'fail', what, hint: 'kith key recover' }, undefined]
  }
  const left = MAX_ROTATION_SN + 1 - log.length
  if (left <= 0) {
    const what = `is full: ${MAX_ROTATION_SN} is the last event that peers take as a rotation`
    return [{ check, state: 'fail', what, hint: 'make a new node: kith init' }, undefined]
  }
  const before = standInFor(log)
  const after = rotateStandIn(before, { why: 'routine', graceSeconds: 0, at: now })
  const what = `takes rotation ${after.state.sn}; there is room for ${left - 1} after it`
  const few = left <= FEW_EVENTS
  return [
    few
      ? { check, state: 'warn', what, hint: 'think of a new node: kith init' }
      : { check, state: 'ok', what },
    { before, after },
  ]
}

function rotationKey({ opened, rotationKey: where, waitingSince }: DrillInit): Finding {
  const check = 'rotation-key'
  if (opened instanceof Error) {
    const hint = isFailure(opened) ? opened.hint : undefined
    const finding: Finding = { check, state: 'fail', what: opened.message }
    return hint === undefined ? finding : { ...finding, hint }
  }
  if (waitingSince !== undefined) {
    const since = new Date(waitingSince).toISOString()
    const what = `is off this host, and a rotation has waited for it since ${since}`
    return { check, state: 'warn', what, hint: 'kith key request --via NAME --wait' }
  }
  const away = where === 'off-host' ? ', and a rotation waits until its keeper has signed' : ''
  const place = where === 'off-host' ? 'is off this host' : 'is here'
  if (opened === 'sealed') {
    const what = `${place}${away}; what is sealed was not opened`
    return { check, state: 'unchecked', what, hint: 'kith key drill --passphrase-stdin' }
  }
  const what = where === 'off-host' ? `${place}${away}; the key in use opens` : `${place} and opens`
  return { check, state: 'ok', what }
}

/** What becomes of one peer, which holds as much of our log as it has said. */
function tell(peer: DrillPeer, rotated: Rotated, now: number): Finding {
  const check = peer.name
  if (peer.retired) {
    return { check, state: 'ok', what: 'has retired: there is nobody to be told' }
  }
  if (peer.unpinnedUs) {
    const what = 'has unpinned this node: it takes no key of it'
    return { check, state: 'warn', what, hint: `kith peers remove ${check}` }
  }
  const { after, before } = rotated
  const { frozen, state } = judgeKeyLog(holding(peer, before, now), after.events, now)
  if (frozen || Buffer.compare(state.head, after.state.head) !== 0) {
    const what = 'has frozen this node: it holds two key logs of it, and a rotation settles nothing'
    return { check, state: 'fail', what, hint: 'kith key recover' }
  }
  return { check, ...way(peer) }
}

/** How the longer log gets to a peer that takes it. */
function way(peer: DrillPeer): Omit<Finding, 'check'> {
  if (peer.frozen) {
    const what = 'follows, but is frozen here: two key logs of it stand against each other'
    return { state: 'warn', what, hint: `kith peers why ${peer.name}` }
  }
  if (peer.connected) return { state: 'ok', what: 'is connected: acknowledges at once' }
  if (peer.hasAddress) {
    const what = 'is not connected: catches up by itself, when it calls or is dialled'
    return { state: 'ok', what }
  }
  const what =
    'is not connected and has no address here: it can only catch up when it dials this node'
  return { state: 'warn', what, hint: `kith peers set-address ${peer.name} /ip4/…/tcp/…` }
}

/** What a peer holds of the stand-in: as much as of the node itself or, if it has frozen that, another rotation. */
function holding({ sn, standing }: DrillPeer, before: StandIn, now: number): HeldKeyLog {
  const events =
    standing === 'frozen'
      ? rotateStandIn(before, { why: 'routine', graceSeconds: 0, at: now }).events
      : before.events.slice(0, (sn ?? 0) + 1)
  return { events, seenAt: events.map(() => now) }
}
