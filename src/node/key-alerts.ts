import { readSignedEvent } from '../protocol/key-event.ts'
import type { KeyEvent } from '../protocol/key-event.ts'
import type { AlertInit, Alerts } from './alerts.ts'
import type { KeyLogChange, KeyLogs } from './key-logs.ts'
import type { Peer, Pins } from './pins.ts'
import type { Self } from './self.ts'

export interface KeyAlertsComponents {
  alerts: Pick<Alerts, 'raise'>
  keyLogs: Pick<KeyLogs, 'onKeep'>
  pins: Pick<Pins, 'byId'>
  self: Pick<Self, 'onAhead'>
}

/**
 * Alerts the owner when a peer's keys change, and when a key log of our own turns up that we do not have. An alert is
 * written together with the key log that it is of: shown again after a crash, that would be no change any more.
 */
export function alertOnKeys({ alerts, keyLogs, pins, self }: KeyAlertsComponents): void {
  keyLogs.onKeep((change) => {
    const peer = change === undefined ? undefined : pins.byId(change.after.state.id)
    if (change === undefined || peer === undefined) return
    for (const alert of keyAlertsOf(peer.pin.name, change)) alerts.raise(alert)
  })
  self.onAhead(() => {
    alerts.raise({
      kind: 'own-key-log-ahead',
      what: 'a peer holds a key log of this node that is not the one here: this home is an old copy, or its keys are in other hands',
      hint: 'put the newest copy of this home back, or else: kith key recover',
    })
  })
}

/** What to say of a change in the key log of the peer of this name. The log that is seen first is no change. */
export function keyAlertsOf(peer: Peer['pin']['name'], change: KeyLogChange): AlertInit[] {
  const { after, before, kind } = change
  if (before === undefined) return []
  if (kind === 'forked') return before.frozen ? [] : [frozenAlert(peer)]
  const known = new Set(before.held.events.map(contentOf))
  return after.held.events
    .filter((event) => !known.has(contentOf(event)))
    .flatMap((event) => alertOf(peer, readSignedEvent(event).event) ?? [])
}

/** An event without its signatures: one event can be signed in many valid ways. */
function contentOf(event: Uint8Array): string {
  return Buffer.from(readSignedEvent(event).bytes).toString('hex')
}

function frozenAlert(peer: string): AlertInit {
  return {
    kind: 'peer-frozen',
    peer,
    what: `${peer} is frozen: two key logs stand against each other, and one may be a thief's`,
    hint: `ask its owner over another channel, who can type: kith key recover; see kith peers why ${peer}`,
  }
}

function alertOf(peer: string, event: KeyEvent): AlertInit | undefined {
  switch (event.t) {
    case 'icp':
      return undefined
    case 'rot':
      return event.why === 'compromise'
        ? compromisedAlert(peer, event.lastGood)
        : rotatedAlert(peer)
    case 'rec':
      return {
        kind: 'peer-recovered',
        peer,
        what: `${peer} was taken back with its recovery key`,
        hint: 'ask its owner over another channel whether that was them',
      }
    case 'end':
      return {
        kind: 'peer-retired',
        peer,
        what: `${peer} has retired and does not come back`,
        hint: `kith peers remove ${peer}`,
      }
  }
}

function rotatedAlert(peer: string): AlertInit {
  return {
    kind: 'peer-rotated',
    peer,
    what: `${peer} has another key; its pin has followed`,
    hint: `kith peers show ${peer}`,
  }
}

function compromisedAlert(peer: string, lastGood: number | undefined): AlertInit {
  const since = lastGood === undefined ? '' : ` after ${new Date(lastGood).toISOString()}`
  return {
    kind: 'peer-compromised',
    peer,
    what: `the key of ${peer} was stolen${since}; it has another now, and its pin has followed`,
    hint: 'look at what it has asked since: kith asks list',
  }
}
