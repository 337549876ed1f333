import assert from 'node:assert/strict'
import { backupSchema } from '../../../src/node/backup/backup-config.ts'
import type { BackupRecord } from '../../../src/node/backup/backup-log.ts'
import { backupFindings, restoreFindings } from '../../../src/node/checks/backup-checks.ts'
import type { BackupChecked } from '../../../src/node/checks/backup-checks.ts'
import type { Finding } from '../../../src/node/checks/finding.ts'
import type { KnownKeys } from '../../../src/node/key-logs.ts'
import type { Peer } from '../../../src/node/pins.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { peerOf } from '../../helpers/stub-pins.ts'

const DAY_MS = 86_400_000

describe('checks of backups', () => {
  const clock = new ManualClock()
  const now = clock.now()
  let records: BackupChecked['backups']['records']
  let peers: Peer[]
  let seenAt: number[]
  let linked: boolean

  beforeEach(() => {
    records = { ages: agesOf(0, 0, 0), failure: undefined, list: () => [], restored: undefined }
    peers = [peerOf('bob')]
    seenAt = [0]
    linked = false
  })

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
      clock,
    }
  }

  function texts(findings: Finding[]): string[] {
    return findings.map(({ hint = '', state, what }) => `${state}: ${what} | ${hint}`)
  }

  it('want a first one, and say how', () => {
    records = { ...records, ages: agesOf(undefined, undefined, undefined) }
    assert.deepEqual(texts(backupFindings(node())), [
      'warn: this node was never backed up | kith backup create --to DIR',
    ])
  })

  const ages: [days: (number | undefined)[], warnings: string[]][] = [
    [[7, 31, 31], []],
    [[8, 31, 31], ['backed up']],
    [[7, 32, 31], ['read back']],
    [[7, 31, 32], ['tried out']],
    [
      [7, undefined, undefined],
      ['read back', 'tried out'],
    ],
  ]
  for (const [days, warnings] of ages) {
    it(`${warnings.join(' and ') || 'nothing'} is too old: ${days.map((day) => day ?? 'never').join(', ')}`, () => {
      records = { ...records, ages: agesOf(...days) }
      const warned = backupFindings(node()).filter(({ state }) => state === 'warn')
      assert.deepEqual(
        warned.map(({ what }) => what.split(' ').slice(0, 2).join(' ')),
        warnings,
      )
    })
  }

  it('tell of one that failed, and of one that is damaged', () => {
    const damaged = {
      file: '/b/a.age',
      verified: { at: 0, how: 'hash', ok: false, why: 'flipped' },
    }
    records = {
      ...records,
      failure: { at: now, why: 'no disk' },
      list: () => [damaged as unknown as BackupRecord],
    }
    assert.deepEqual(texts(backupFindings(node())), [
      'warn: the last backup failed: no disk | kith backup create',
      'fail: /b/a.age is damaged: flipped | kith backup create, then rm /b/a.age',
    ])
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
