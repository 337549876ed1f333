import assert from 'node:assert/strict'
import { backupSchema } from '../../../src/node/backup/backup-config.ts'
import type { BackupRecord } from '../../../src/node/backup/backup-log.ts'
import { backupFindings, restoreFindings } from '../../../src/node/checks/backup-checks.ts'
import type { BackupChecked } from '../../../src/node/checks/backup-checks.ts'
import type { Finding } from '../../../src/node/checks/finding.ts'
import type { KnownKeys } from '../../../src/node/key-logs.ts'
import type { Peer } from '../../../src/node/pins.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { publicKeyOf } from '../../../src/protocol/ed25519.ts'
import { createInception } from '../../../src/protocol/key-log.ts'
import { peerOf, seedOf } from '../../helpers/stub-pins.ts'

const DAY_MS = 86_400_000

describe('checks of backups', () => {
  const clock = new ManualClock()
  const now = clock.now()
  let records: BackupChecked['backups']['records']
  let peers: Peer[]
  let seenAt: number[]
  let linked: boolean
  let inception: Uint8Array[]

  beforeEach(() => {
    const none = { changing: undefined, failure: undefined, restored: undefined }
    records = { ages: agesOf(0, 0, 0), list: () => [], ...none }
    peers = [peerOf('bob')]
    seenAt = [0]
    linked = false
    inception = inceptionAt(now - 2 * DAY_MS)
  })

  function madeBefore(days: number): BackupRecord {
    return { file: '/b/a.age', backupAt: now - days * DAY_MS } as unknown as BackupRecord
  }

  /** Days ago; undefined for never. */
  function agesOf(...days: (number | undefined)[]): typeof records.ages {
    const [madeAt, verifiedAt, drilledAt] = days.map((ago) =>
      ago === undefined ? undefined : now - ago * DAY_MS,
    )
    return { madeAt, verifiedAt, drilledAt }
  }

  function node(): BackupChecked {
    const held = { events: seenAt.map(() => new Uint8Array(0)), seenAt }
    return {
      backups: { config: backupSchema.parse({}), records },
      pins: { peers: () => peers, keysOf: () => ({ held }) as unknown as KnownKeys },
      links: { get: () => (linked ? 'a link' : undefined) },
      self: { events: inception },
      clock,
    }
  }

  function texts(findings: Finding[]): string[] {
    return findings.map(({ hint = '', state, what }) => `${state}: ${what} | ${hint}`)
  }

  const firstDay: [age: string, ageMs: number, found: string][] = [
    ['before a node is a day old', DAY_MS - 1, 'ok: none yet, as this node is new'],
    ['once a node is a day old', DAY_MS, 'warn: this node was never backed up'],
  ]
  for (const [age, ageMs, found] of firstDay) {
    it(`say how to make a first one, and ${found.split(':')[0] ?? ''} ${age}`, () => {
      records = { ...records, ages: agesOf(undefined, undefined, undefined) }
      inception = inceptionAt(now - ageMs)
      assert.deepEqual(texts(backupFindings(node())), [`${found} | kith backup create --to DIR`])
    })
  }

  const ages: [days: (number | undefined)[], warnings: string[]][] = [
    [[7, 31, 31], []],
    [[8, 31, 31], ['no backup was made for 8 days']],
    [[7, 32, 31], ['no backup was read back for 32 days']],
    [[7, 31, 32], ['no backup was tried out for 32 days']],
  ]
  for (const [days, warnings] of ages) {
    it(`${warnings.join(' and ') || 'nothing'} is too old: ${days.join(', ')}`, () => {
      records = { ...records, ages: agesOf(...days) }
      const warned = backupFindings(node()).filter(({ state }) => state === 'warn')
      assert.deepEqual(
        warned.map(({ what }) => what),
        warnings,
      )
    })
  }

  it('leave as much time for a first drill as between two, from the first backup on', () => {
    records = { ...records, ages: agesOf(0, 0, undefined), list: () => [madeBefore(31)] }
    assert.deepEqual(texts(backupFindings(node())), [
      'ok: made today, read back today, never tried out | ',
    ])
    records = { ...records, list: () => [madeBefore(0), madeBefore(32)] }
    assert.deepEqual(texts(backupFindings(node())), [
      'warn: no backup was ever tried out | kith backup drill',
    ])
  })

  it('take the backup that a home comes from for one that was tried out', () => {
    const restored = { at: now, backupAt: now - 8 * DAY_MS, file: '/b/a.age' }
    records = { ...records, ages: agesOf(undefined, undefined, undefined), restored }
    assert.deepEqual(texts(backupFindings(node())), [
      'warn: no backup was made for 8 days | kith backup create',
    ])
  })

  it('tell of one that failed, and of one that is damaged as long as it is there', () => {
    const file = import.meta.filename
    const damaged = {
      file,
      verified: { at: 0, how: 'hash', ok: false, why: 'flipped' },
    }
    records = {
      ...records,
      failure: { at: now, why: 'no disk' },
      list: () => [damaged as unknown as BackupRecord],
    }
    assert.deepEqual(texts(backupFindings(node())), [
      'warn: the last backup failed: no disk | kith backup create',
      `fail: ${file} is damaged: flipped | kith backup create, then rm ${file}`,
    ])
    const gone = { ...damaged, file: '/b/a.age' }
    records = { ...records, failure: undefined, list: () => [gone as unknown as BackupRecord] }
    assert.ok(backupFindings(node()).every(({ state }) => state !== 'fail'))
  })

  it('tell of what the last one left out, since it changed whenever it was read', () => {
    const changing = { at: now, files: ['workspace/a.db', 'workspace/b'] }
    records = { ...records, changing }
    const [found = ''] = texts(backupFindings(node()))
    assert.match(found, /^warn: the last backup has no workspace\/a\.db, workspace\/b: it changed/)
  })

  describe('after a restore', () => {
    const restored = { at: now - DAY_MS, backupAt: now - 10 * DAY_MS }

    const cases: [what: string, change: () => void, found: RegExp[]][] = [
      [
        'a peer that was not met yet',
        () => undefined,
        [/^warn: bob was not met yet.*kith ping bob/],
      ],
      ['nobody who is there', () => (linked = true), []],
      [
        'a peer whose key moved since',
        () => (seenAt = [0, now]),
        [/^ok: the key of bob has moved/],
      ],
      [
        'no peer whose key moved before',
        () => (seenAt = [0, now - 11 * DAY_MS]),
        [/^warn: bob was not/],
      ],
      [
        'a peer that has unpinned us',
        () => (peers = [{ ...peerOf('bob'), unpinnedUsAt: now }]),
        [/^warn: bob has unpinned.*kith peers remove bob/],
      ],
      ['no peer that has retired', () => (peers = [{ ...peerOf('bob'), retired: true }]), []],
    ]
    for (const [what, change, found] of cases) {
      it(`name ${what}`, () => {
        records = { ...records, restored }
        change()
        const [first = '', ...rest] = texts(restoreFindings(node()))
        assert.match(first, /^ok: restored .* from a backup of /)
        assert.equal(rest.length, found.length, rest.join())
        for (const [at, pattern] of found.entries()) assert.match(rest[at] ?? '', pattern)
      })
    }

    it('say nothing of anybody a month later, nor without one', () => {
      records = { ...records, restored: { ...restored, at: now - 32 * DAY_MS } }
      assert.equal(restoreFindings(node()).length, 1)
      records = { ...records, restored: undefined }
      assert.deepEqual(texts(restoreFindings(node())), ['ok: this home comes from no backup | '])
    })
  })
})

/** The first event of a node that was made then. */
function inceptionAt(at: number): Uint8Array[] {
  const [nextKey, recoveryKey] = ['next', 'recovery'].map((name) => publicKeyOf(seedOf(name)))
  assert.ok(nextKey !== undefined && recoveryKey !== undefined)
  const nonce = new Uint8Array(16)
  return [createInception({ seed: seedOf('node'), nextKey, recoveryKey, at, nonce }).signedEvent]
}
