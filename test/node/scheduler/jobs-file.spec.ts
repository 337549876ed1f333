import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../../src/protocol/errors.ts'
import type { Target } from '../../../src/node/scheduler/job.ts'
import { readJobs } from '../../../src/node/scheduler/jobs-file.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const HEAD = `version: 1
jobs:
  - name: digest
    zone: Europe/Madrid
`
const DAILY = `    schedule: { kind: daily, at: '07:30' }
`
const ASK = `    target: { kind: ask, peer: self, text: what is new }
`

describe('jobs.yaml', () => {
  const folder = tempFolder()

  async function read(text: string): ReturnType<typeof readJobs> {
    const path = join(folder(), 'jobs.yaml')
    await writeFile(path, text, { mode: 0o600 })
    return await readJobs(path)
  }

  it('is no fault when it is not there', async () => {
    assert.deepEqual(await readJobs(join(folder(), 'jobs.yaml')), [])
  })

  it('gives a job with every default: it is off, and tried once', async () => {
    assert.deepEqual(await read(HEAD + DAILY + ASK), [
      {
        name: 'digest',
        enabled: false,
        schedule: { kind: 'daily', at: '07:30' },
        zone: 'Europe/Madrid',
        jitterMs: 0,
        missed: { policy: 'once', windowMs: 86_400_000 },
        overlap: 'skip',
        attempts: { max: 1, baseMs: 5_000, maxMs: 600_000 },
        pauseAfter: 5,
        artifact: { keep: true, sensitivity: 'private' },
        deliver: [],
        runBy: [],
        limits: {
          queueMs: 3_600_000,
          claimMs: 60_000,
          heartbeatMs: 30_000,
          progressMs: 600_000,
          totalMs: 3_600_000,
        },
        target: { kind: 'ask', peer: 'self', text: 'what is new', preset: 'none', egress: 'none' },
      },
    ])
  })

  it('takes each kind of target, and money in dollars', async () => {
    const targets = [
      '{ kind: command, argv: [/bin/df, -h] }',
      '{ kind: backup }',
      "{ kind: webhook, url: 'https://example.org/hook' }",
      '{ kind: ask, peer: bob, text: hello, egress: peers, budget: { usd: 0.25 } }',
    ]
    const targetIn = async (target: string): Promise<Target | undefined> =>
      (await read(`${HEAD}${DAILY}    target: ${target}\n`))[0]?.target
    const kinds: (string | undefined)[] = []
    for (const target of targets) kinds.push((await targetIn(target))?.kind)
    assert.deepEqual(kinds, ['command', 'backup', 'webhook', 'ask'])
    const target = await targetIn(targets[3] ?? '')
    assert.ok(target?.kind === 'ask')
    assert.deepEqual(target.budget, { microUsd: 250_000 })
  })

  const faults: [what: string, text: string, line: number, column: number, why: RegExp][] = [
    ['a key that there is not', `${HEAD}    enabeld: true\n${DAILY}${ASK}`, 5, 5, /enabled\?/],
    ['a zone that there is not', HEAD.replace('Madrid', 'Nowhere') + DAILY + ASK, 4, 11, /zone/],
    [
      'a pattern that never comes',
      `${HEAD}    schedule: { kind: cron, pattern: '0 0 30 2 *' }\n${ASK}`,
      5,
      38,
      /never be due/,
    ],
    [
      'jitter as wide as the interval',
      `${HEAD}    jitter_seconds: 60\n    schedule: { kind: interval, every_seconds: 60 }\n${ASK}`,
      5,
      21,
      /interval/,
    ],
    [
      'an ask to a peer without egress to peers',
      `${HEAD}${DAILY}    target: { kind: ask, peer: bob, text: hello, egress: provider }\n`,
      6,
      32,
      /needs egress: peers/,
    ],
    [
      'tools that reach anything without egress to peers',
      `${HEAD}${DAILY}    target: { kind: ask, peer: self, text: hello, preset: full }\n`,
      6,
      59,
      /needs egress: peers/,
    ],
    ['a job without a target', HEAD + DAILY, 3, 5, /target: missing/],
    [
      'a name twice',
      `${HEAD}${DAILY}${ASK}  - name: digest\n    zone: UTC\n${DAILY}${ASK}`,
      7,
      11,
      /two jobs/,
    ],
    [
      'a program without a name',
      `${HEAD}${DAILY}    target: { kind: command, argv: [] }\n`,
      6,
      36,
      /./,
    ],
  ]
  for (const [what, text, line, column, why] of faults) {
    it(`refuses ${what}, and says where`, async () => {
      await assert.rejects(read(text), (err: unknown) => {
        assert.ok(isFailure(err, 'invalid-file'))
        assert.match(err.message, why)
        assert.deepEqual([err.details.line, err.details.column], [line, column], err.message)
        return true
      })
    })
  }
})
