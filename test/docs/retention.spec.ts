import assert from 'node:assert/strict'
import { MAX_CHECKPOINTS_BYTES, MAX_CLOSED } from '../../src/node/agent/approval-rows.ts'
import { MAX_REMEMBERED } from '../../src/node/agent/remembered-answers.ts'
import { SESSIONS_DEFAULTS } from '../../src/node/agent/sessions.ts'
import { KEPT_DAYS, MAX_COST_RECORDS } from '../../src/node/agent/spending.ts'
import { MAX_AUDIT_ENTRIES } from '../../src/node/audit/own-heads.ts'
import { MERGE_RULES } from '../../src/node/backup/merge-rules.ts'
import { MAX_BLOCKED } from '../../src/node/blocklist.ts'
import { MAX_PAIRINGS } from '../../src/node/pairing/pairing-parts.ts'
import { RESULT_CAPS } from '../../src/node/scheduler/artifact-retention.ts'
import { FEED_CAPS } from '../../src/node/scheduler/feed/feed-queue.ts'
import { RUN_CAPS } from '../../src/node/scheduler/retention.ts'
import { MAX_DENIED, MAX_STRANGERS } from '../../src/node/strangers.ts'
import { MAX_KEY_LOG_EVENTS } from '../../src/protocol/limits.ts'
import { page, section, table } from './markdown.ts'

const TEXT = page('docs/retention.md')
const DAY_MS = 86_400_000
const MIB = 1_048_576

const number = (count: number): string => count.toLocaleString('en-US')

/** The figures that the row of a class has to have. */
const FIGURES: Record<string, string[]> = {
  audit: [number(MAX_AUDIT_ENTRIES)],
  'key-logs': [number(MAX_KEY_LOG_EVENTS)],
  blocked: [number(MAX_BLOCKED)],
  denied: [number(MAX_DENIED)],
  strangers: [number(MAX_STRANGERS)],
  invites: [number(MAX_PAIRINGS)],
  budget: [`${KEPT_DAYS} days`],
  costs: [number(MAX_COST_RECORDS), `${KEPT_DAYS} days`],
  approvals: [number(MAX_CLOSED)],
  'approval-checkpoints': [`${MAX_CHECKPOINTS_BYTES / MIB} MiB`],
  'remembered-answers': [number(MAX_REMEMBERED)],
  sessions: [
    `${SESSIONS_DEFAULTS.maxSessions} of each asker`,
    number(SESSIONS_DEFAULTS.maxMessages),
    `${SESSIONS_DEFAULTS.maxBytes / MIB} MiB`,
    `${SESSIONS_DEFAULTS.maxAgeMs / DAY_MS} days`,
  ],
  runs: [
    number(RUN_CAPS.succeeded.count),
    number(RUN_CAPS.failed.count),
    `${RUN_CAPS.succeeded.ageMs / DAY_MS} days`,
    `${RUN_CAPS.failed.ageMs / DAY_MS}`,
  ],
  artifacts: [
    number(RESULT_CAPS.reviewed.count),
    `${RESULT_CAPS.reviewed.bytes / MIB} MiB`,
    `${RESULT_CAPS.reviewed.ageMs / DAY_MS} days`,
    `${RESULT_CAPS.unreviewed.ageMs / DAY_MS}`,
  ],
  deliveries: [number(RUN_CAPS.succeeded.count), number(RUN_CAPS.failed.count)],
  'feed-files': [number(FEED_CAPS.kept)],
  'feed-contents': [number(FEED_CAPS.openItems), `${FEED_CAPS.openBytes / MIB} MiB`],
}

describe('docs/retention.md', () => {
  const rows = table(section(TEXT, '## The store')).map(([names = '', ...rest]) => ({
    names: [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    text: rest.join(' | '),
  }))

  it('F63: has every class of rows that a node keeps, once, and says how much of it and for how long', () => {
    const named = rows.flatMap(({ names }) => names)
    assert.deepEqual(named.toSorted(), Object.keys(MERGE_RULES).toSorted())
    for (const { names, text } of rows) assert.match(text, /^\S.+ \| \S.* \| \S/, names.join())
  })

  for (const [name, figures] of Object.entries(FIGURES)) {
    it(`has the limits of ${name} as they are`, () => {
      const row = rows.find(({ names }) => names.includes(name))
      for (const figure of figures) assert.ok(row?.text.includes(figure), figure)
    })
  }
})
