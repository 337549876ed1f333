import assert from 'node:assert/strict'
import { join } from 'node:path'
import { MERGE_RULES } from '../../../src/node/backup/merge-rules.ts'
import type { MergeRule } from '../../../src/node/backup/merge-rules.ts'
import { mergeRows } from '../../../src/node/backup/merge-rows.ts'
import type { RowsReport } from '../../../src/node/backup/merge-rows.ts'
import { approvalSchema } from '../../../src/node/agent/approval-records.ts'
import { nextEpoch } from '../../../src/node/epoch.ts'
import { deliverySchema } from '../../../src/node/scheduler/delivery/delivery.ts'
import type { Delivery } from '../../../src/node/scheduler/delivery/delivery.ts'
import { blankState, jobStateSchema } from '../../../src/node/scheduler/job-state.ts'
import { Runs } from '../../../src/node/scheduler/runs.ts'
import { inviteStatus, inviterRecord } from '../../../src/protocol/pairing-inviter.ts'
import { Database } from '../../../src/store/database.ts'
import { Repository } from '../../../src/store/repository.ts'
import { page, section, tables } from '../../docs/markdown.ts'
import { askId, idOf } from '../../helpers/ask-calls.ts'
import { putRows } from '../../helpers/backup-home.ts'
import { readSources } from '../../helpers/imports.ts'
import { queuedRun } from '../../helpers/job-home.ts'
import { invited, NOW, PairingNode } from '../../helpers/pairing.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const HOUR_MS = 3_600_000
const LATER = NOW + HOUR_MS

/** A kind of rows with each rule whose content nothing looks at. */
const SAMPLES: [rule: MergeRule, kind: string, results: Record<Home, string[]>][] = [
  [
    'backup',
    'sessions',
    { newer: ['both b', 'old b'], older: ['both b', 'old b'], none: ['both b', 'old b'] },
  ],
  [
    'home',
    'alerts',
    { newer: ['both h', 'new h'], older: ['both b', 'old b'], none: ['both b', 'old b'] },
  ],
  ['home-or-none', 'remembered-answers', { newer: ['both h', 'new h'], older: [], none: [] }],
  [
    'union',
    'mcp-tools',
    {
      newer: ['both h', 'new h', 'old b'],
      older: ['both h', 'new h', 'old b'],
      none: ['both b', 'old b'],
    },
  ],
  ['none', 'approval-checkpoints', { newer: [], older: [], none: [] }],
]

type Home = 'newer' | 'older' | 'none'

describe('rows of a restored home', () => {
  const folder = tempFolder()
  let staged: Database
  let present: Database

  beforeEach(async () => {
    staged = await Database.open(join(folder(), 'staged'))
    present = await Database.open(join(folder(), 'present'))
    for (let starts = 0; starts < 3; starts += 1) await nextEpoch(staged)
  })
  afterEach(async () => {
    await staged.close()
    await present.close()
  })

  async function merge(home: Home): Promise<RowsReport> {
    if (home === 'newer') for (let starts = 0; starts < 3; starts += 1) await nextEpoch(present)
    const askers: string[] = []
    const there = home === 'none' ? undefined : present
    return await mergeRows({ staged, present: there, at: NOW, now: LATER, askers })
  }

  async function rowsOf(kind: string): Promise<string[]> {
    const found: string[] = []
    for await (const [key, row] of staged.sublevel(kind).iterator()) {
      found.push(`${key} ${Buffer.from(row).toString()}`)
    }
    return found
  }

  for (const [rule, kind, results] of SAMPLES) {
    for (const home of ['newer', 'older', 'none'] as const) {
      it(`with the rule ${rule} are ${results[home].join(', ') || 'gone'} where the home is ${home}`, async () => {
        assert.equal(MERGE_RULES[kind], rule)
        await putRows(staged, { both: 'b', old: 'b' }, kind)
        await putRows(present, { both: 'h', new: 'h' }, kind)
        const { homeCounts } = await merge(home)
        assert.equal(homeCounts, home === 'newer')
        assert.deepEqual(await rowsOf(kind), results[home])
      })
    }
  }

  it('have a rule for every kind that a node keeps, each with its reason in the docs', () => {
    const kinds = new Set(['meta'])
    for (const [path, text] of readSources('src/node')) {
      if (path.startsWith('src/node/backup/merge')) continue
      for (const [, what, kind = ''] of text.matchAll(
        /(new Repository|Journal\.open)\([\w.]+, '([a-z-]+)'/g,
      )) {
        kinds.add(kind)
        if (what === 'Journal.open') kinds.add(`${kind}-ends`)
      }
    }
    assert.deepEqual([...kinds].sort(), Object.keys(MERGE_RULES).sort())
    const table = tables(section(page('docs/backup.md'), '## What a restore does not take back'))
    const told = (table[1] ?? []).flatMap(([names = '']) =>
      [...names.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    )
    const shown = [...kinds].filter((kind) => !kind.endsWith('-ends') && kind !== 'meta')
    assert.deepEqual(told.sort(), shown.sort())
  })

  describe('that were open', () => {
    const approval = () =>
      approvalSchema.parse({
        ...{
          id: askId(1),
          state: 'open',
          ask: askId(2),
          asker: { name: 'bert', id: idOf('bert') },
        },
        ...{ chain: [], tool: 'write', toolClass: 'write', what: 'write a file', alike: 'x' },
        ...{ onceOnly: false, openedAt: NOW, expiresAt: LATER + HOUR_MS },
      })

    for (const home of ['newer', 'none'] as const) {
      it(`approvals are answered no more: home ${home}`, async () => {
        const from = home === 'newer' ? present : staged
        const here = new Repository(from, 'approvals', approvalSchema)
        await from.write([here.put(askId(1), approval())], { durable: false })
        await merge(home)
        const closed = await new Repository(staged, 'approvals', approvalSchema).get(askId(1))
        assert.deepEqual([closed?.state, closed?.closedAt], ['withdrawn', LATER])
      })
    }

    it('runs are interrupted where there is no home', async () => {
      const run = queuedRun('nightly', NOW)
      await staged.write(new Runs(staged).put(run), { durable: false })
      await merge('none')
      assert.deepEqual(await new Runs(staged).unfinished(), [])
      const ended = await new Runs(staged).get(run.run)
      assert.deepEqual([ended?.state, ended?.finalAt], ['interrupted', LATER])
    })

    it('runs of a home that knows more are those of the home', async () => {
      const run = queuedRun('nightly', NOW)
      await staged.write(new Runs(staged).put(queuedRun('weekly', NOW)), { durable: false })
      await present.write(new Runs(present).put(run), { durable: false })
      await merge('newer')
      assert.deepEqual(await new Runs(staged).unfinished(), [run])
    })

    it('jobs have no time that has passed since, and no worker', async () => {
      const jobs = new Repository(staged, 'jobs', jobStateSchema)
      const lease = { token: 't', version: 1, expiresAt: NOW, ttlMs: 1 }
      const missed = { ...blankState('missed'), nextAt: NOW + 1, active: { run: askId(1), lease } }
      const ahead = { ...blankState('ahead'), nextAt: LATER + 1, failures: 2 }
      await staged.write([jobs.put('missed', missed), jobs.put('ahead', ahead)], { durable: false })
      await merge('none')
      assert.deepEqual(await jobs.get('missed'), blankState('missed'))
      assert.deepEqual(await jobs.get('ahead'), ahead)
    })

    it('deliveries are sent no more by themselves', async () => {
      const deliveries = new Repository(staged, 'deliveries', deliverySchema)
      const waiting: Delivery = {
        ...{ delivery: `${askId(1)}.0`, run: askId(1), job: 'nightly', when: 'always', tries: 1 },
        ...{ order: 1, to: { kind: 'file', path: 'a.md' } },
        end: { state: 'succeeded', dueAt: NOW, finalAt: NOW },
        ...{ state: 'waiting', nextAt: NOW },
      }
      const held: Delivery = { ...waiting, delivery: `${askId(2)}.0`, state: 'held' }
      await staged.write(
        [deliveries.put(waiting.delivery, waiting), deliveries.put(held.delivery, held)],
        { durable: false },
      )
      await merge('none')
      const states = [await deliveries.get(waiting.delivery), await deliveries.get(held.delivery)]
      assert.deepEqual(
        states.map((row) => [row?.state, row?.nextAt === undefined]),
        [
          ['dead', true],
          ['held', false],
        ],
      )
    })

    it('invites are revoked, and those that were used stay used', async () => {
      const invites = new Repository(staged, 'invites', inviterRecord)
      const { record } = invited(new PairingNode('alice'), { expiresAt: LATER + HOUR_MS })
      await staged.write([invites.put('a', record)], { durable: false })
      assert.equal((await merge('none')).revokedInvites, 1)
      const after = await invites.get('a')
      assert.equal(after && inviteStatus(after, LATER), 'revoked')
    })
  })
})
