import assert from 'node:assert/strict'
import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { createIdentity } from '../../../src/node/identity.ts'
import { drill, openingOf } from '../../../src/node/keys/drill.ts'
import type { DrillInit, DrillPeer } from '../../../src/node/keys/drill.ts'
import { rotateStandIn, standInFor } from '../../../src/node/keys/stand-in.ts'
import { readSignedEvent } from '../../../src/protocol/key-event.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { begin, recover, retire, rotate } from '../../helpers/key-branch.ts'
import type { Branch } from '../../helpers/key-branch.ts'
import { CLEAR, contentOf } from '../../helpers/key-homes.ts'
import { rotationKeyPath } from '../../helpers/key-paths.ts'
import { sealKeys } from '../../helpers/sealed-keys.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const PEER: DrillPeer = {
  name: 'bob',
  standing: 'acknowledged',
  sn: undefined,
  connected: true,
  hasAddress: true,
  frozen: false,
  retired: false,
  unpinnedUs: false,
}

const INIT: Omit<DrillInit, 'log'> = {
  rotationKey: 'here',
  opened: 'opened',
  waitingSince: undefined,
  lobbyOff: false,
  running: true,
  peers: [],
  now: NOW,
}

/** A log with so many events. */
function logOf(events: number): Branch {
  let branch = begin('anna')
  for (let sn = 1; sn < events; sn++) {
    branch = sn % 7 === 3 ? recover(branch, `r${sn}`) : rotate(branch, `k${sn}`, stolen(sn))
  }
  return branch
}

function stolen(sn: number): { why?: 'compromise' } {
  return sn % 5 === 0 ? { why: 'compromise' } : {}
}

function kindsOf(events: readonly Uint8Array[]): unknown[] {
  return events.map((signed) => {
    const { event } = readSignedEvent(signed)
    return event.t === 'rot' ? [event.t, event.why, event.grace] : event.t
  })
}

describe('a drill', () => {
  function findings(log: Pick<Branch, 'events'>, init: Partial<DrillInit> = {}): string[] {
    return drill({ ...INIT, log: log.events, ...init }).findings.map(
      ({ check, state, what }) => `${state} ${check}: ${what}`,
    )
  }

  /** What it finds of one peer of a node with this log. */
  function ofPeer(peer: Partial<DrillPeer>, log = logOf(3)): string {
    const all = findings(log, { peers: [{ ...PEER, ...peer }] })
    return all.find((line) => line.includes(' bob: ')) ?? 'nothing'
  }

  it('says that a rotation would go through', () => {
    const { state } = drill({ ...INIT, log: logOf(1).events, peers: [PEER] })
    assert.equal(state, 'ok')
    assert.deepEqual(findings(logOf(1), { peers: [PEER] }), [
      'ok key-log: takes rotation 1; there is room for 60 after it',
      'ok rotation-key: is here and opens',
      'unchecked recovery-words: only their words prove them, and a drill does not have them',
      'ok bob: is connected: acknowledges at once',
    ])
  })

  const peers: [what: string, peer: Partial<DrillPeer>, found: RegExp][] = [
    ['that is connected', { sn: 2 }, /^ok .*acknowledges at once/],
    ['that knows an older log', { sn: 1, standing: 'unseen' }, /^ok .*acknowledges at once/],
    ['that is away, with an address', { connected: false }, /^ok .*when it calls or is dialled/],
    [
      'that is away, without one',
      { connected: false, hasAddress: false },
      /^warn .*only catch up when it dials/,
    ],
    ['that has frozen us', { standing: 'frozen', sn: 2 }, /^fail .*holds two key logs/],
    ['that we have frozen', { frozen: true }, /^warn .*frozen here/],
    ['that has retired', { retired: true }, /^ok .*has retired/],
    ['that has unpinned us', { unpinnedUs: true }, /^warn .*takes no key of it/],
    ['of which nothing is known', { standing: undefined, connected: false }, /^ok .*catches up/],
  ]
  for (const [what, peer, found] of peers) {
    it(`tells what becomes of a peer ${what}`, () => {
      assert.match(ofPeer(peer), found)
    })
  }

  const logs: [events: number, state: string, what: RegExp][] = [
    [1, 'ok', /room for 60/],
    [53, 'ok', /room for 8 /],
    [54, 'warn', /room for 7 /],
    [61, 'warn', /room for 0 /],
    [62, 'fail', /is full/],
  ]
  const longest = logOf(62).events
  for (const [events, state, what] of logs) {
    it(`finds ${state} for a log of ${events} events`, () => {
      const [first = ''] = findings({ events: longest.slice(0, events) })
      assert.ok(first.startsWith(`${state} key-log`), first)
      assert.match(first, what)
    })
  }

  it('finds that a node that has retired does not rotate, and tells of no peer', () => {
    const all = findings(retire(logOf(2)), { peers: [PEER] })
    assert.match(all[0] ?? '', /^fail key-log: has ended/)
    assert.ok(!all.some((line) => line.includes('bob')))
  })

  const keys: [what: string, init: Partial<DrillInit>, found: RegExp][] = [
    ['that is here and opens', {}, /^ok .*is here and opens/],
    ['that is sealed', { opened: 'sealed' }, /^unchecked .*was not opened/],
    ['that is damaged', { opened: new Error('x is damaged') }, /^fail .*x is damaged/],
    ['that is elsewhere', { rotationKey: 'off-host' }, /^ok .*until its keeper has signed/],
    [
      'that is elsewhere, and waited for',
      { rotationKey: 'off-host', waitingSince: NOW },
      /^warn .*has waited for it since 2026-11-21/,
    ],
  ]
  for (const [what, init, found] of keys) {
    it(`tells of a rotation key ${what}`, () => {
      assert.match(findings(logOf(1), init)[1] ?? '', found)
    })
  }

  it('tells of a lobby that is off, and of a node that does not run', () => {
    const all = findings(logOf(1), { lobbyOff: true, running: false })
    assert.ok(all.some((line) => line.startsWith('warn lobby')))
    assert.ok(all.some((line) => line.startsWith('unchecked node')))
    assert.ok(!findings(logOf(1)).some((line) => /lobby|node:/.test(line)))
  })

  describe('opens the keys of a home', () => {
    const folder = tempFolder()
    let home: string

    beforeEach(() => {
      home = join(folder(), 'home')
    })

    it('and leaves it as it is', async () => {
      await createIdentity(home, CLEAR, NOW)
      await sealKeys(home, 'geheim')
      const before = await contentOf(home)
      assert.deepEqual(await openingOf(home, undefined), { rotationKey: 'here', opened: 'sealed' })
      assert.deepEqual(await openingOf(home, 'geheim'), { rotationKey: 'here', opened: 'opened' })
      await assert.rejects(openingOf(home, 'falsch'), { code: 'passphrase' })
      assert.deepEqual(await contentOf(home), before)
    })

    it('and says which one is damaged', async () => {
      await createIdentity(home, CLEAR, NOW)
      const path = await rotationKeyPath(home)
      await writeFile(path, '{}')
      const { opened } = await openingOf(home, undefined)
      assert.ok(opened instanceof Error && opened.message.includes(path))
    })

    it('without the one that is elsewhere', async () => {
      await createIdentity(home, CLEAR, NOW, { rotationKeyOffHost: true })
      const opening = await openingOf(home, undefined)
      assert.deepEqual(opening, { rotationKey: 'off-host', opened: 'opened' })
    })
  })
})

describe('a stand-in', () => {
  it('has a log of the same shape as the one it stands for, and no key of it', () => {
    const log = logOf(12)
    const { events } = standInFor(log.events)
    assert.deepEqual(kindsOf(events), kindsOf(log.events))
    assert.notEqual(validateKeyLog(events).id, validateKeyLog(log.events).id)
  })

  it('rotates as a node does', () => {
    const before = standInFor(logOf(4).events)
    const after = rotateStandIn(before, { why: 'compromise', graceSeconds: 0, at: NOW })
    const state = validateKeyLog(after.events, before.state.id)
    assert.deepEqual([state, state.sn], [after.state, 4])
  })
})
