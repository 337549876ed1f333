import assert from 'node:assert/strict'
import { fileChanges } from '../../../src/node/changes/file-changes.ts'
import type { OwnFiles } from '../../../src/node/changes/own-files.ts'
import { eventsOf } from '../../../src/node/changes/change-watch.ts'

const ID = 'kith1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'

function peers(...rows: string[]): OwnFiles {
  return { peers: `version: 1\npeers:\n${rows.map((row) => `  - ${row}\n`).join('') || '  []\n'}` }
}
function jobs(...rows: string[]): OwnFiles {
  return { jobs: `version: 1\njobs:\n${rows.map((row) => `  - ${row}\n`).join('') || '  []\n'}` }
}

describe('changes of the files of a node', () => {
  const CASES: [name: string, before: OwnFiles, after: OwnFiles, whats: string[]][] = [
    ['nothing', peers('{name: nas}'), peers('{name: nas}'), []],
    ['a comment alone', { config: 'name: a\n' }, { config: '# mine\nname: a\n' }, []],
    [
      'a peer that is added',
      {},
      peers(`{name: nas, id: ${ID}, allow: [ping, ask]}`),
      ['peer nas was added, and may: ping, ask'],
    ],
    ['a peer without a right', {}, peers('{name: nas}'), ['peer nas was added, and may: nothing']],
    ['a peer that is removed', peers('{name: nas}'), peers(), ['peer nas was removed']],
    [
      'a file that is gone',
      peers('{name: nas}', '{name: ada}'),
      {},
      ['peer nas was removed', 'peer ada was removed'],
    ],
    [
      'a peer under another name',
      peers(`{name: nas, id: ${ID}, allow: [ping]}`),
      peers(`{name: box, id: ${ID}, allow: [ping]}`),
      ['peer nas is called box now'],
    ],
    [
      'rights',
      peers('{name: nas, allow: [ping, status]}'),
      peers('{name: nas, allow: [ping, ask]}'),
      ['nas gained ask', 'nas lost status'],
    ],
    [
      'a limit of a right',
      peers('{name: nas, ask: {daily_usd: 5}}'),
      peers('{name: nas, ask: {daily_usd: 10, preset: full}}'),
      ['nas: ask.daily_usd 5 → 10', 'nas: ask.preset none → full'],
    ],
    [
      'an id that takes the place of a key',
      peers('{name: nas, key: K}'),
      peers(`{name: nas, id: ${ID}}`),
      [`nas: key K → none`, `nas: id none → ${ID}`],
    ],
    [
      'jobs',
      jobs('{name: a, enabled: true}', '{name: b}'),
      jobs('{name: a, enabled: false}', '{name: c}'),
      ['job c was added', 'job b was removed', 'a: enabled true → false'],
    ],
    [
      'settings',
      { config: 'agent: {budget: {daily_usd: 5}, parallel: 2}\n' },
      { config: 'agent: {budget: {daily_usd: 10}}\nname: nas\n' },
      ['agent.budget.daily_usd 5 → 10', 'agent.parallel 2 → none', 'name none → nas'],
    ],
    [
      'what may be a secret, which is not shown',
      { config: 'agent: {mcp: [{env: {A: 1}}]}\nx: {token: a, api_key: b, headers: {k: v}}\n' },
      { config: 'agent: {mcp: [{env: {A: 1}}]}\nx: {token: c, api_key: d, headers: {k: w}}\n' },
      ['x.token was changed', 'x.api_key was changed', 'x.headers.k was changed'],
    ],
    [
      'programs without their arguments, and addresses without what follows the host',
      { config: 'alerts: {webhook: "https://h.example/S"}\nagent: {command: {run: [a, S]}}\n' },
      {
        config:
          'alerts: {webhook: "https://h.example/T"}\nagent: {command: {run: [a, T]}, mcp: [{run: [m, S]}, {url: "https://z.example/S"}]}\n',
      },
      [
        'alerts.webhook https://h.example/… → https://h.example/…',
        'agent.command.run was changed',
        'agent.mcp none → [{"run":"…"},{"url":"https://z.example/…"}]',
      ],
    ],
    [
      'the same of jobs',
      jobs('{name: a, target: {argv: [b, S]}}'),
      jobs(
        '{name: a, target: {argv: [b, T]}, deliver: [{webhook: {url: "http://h/S", secret: S}}]}',
      ),
      [
        'a: target.argv was changed',
        'a: deliver none → [{"webhook":{"url":"http://h/…","secret":"…"}}]',
      ],
    ],
    [
      'a file that cannot be read any more, and again',
      { jobs: 'jobs: []\n' },
      { jobs: 'jobs: [\n' },
      ['jobs.yaml can no longer be read'],
    ],
    [
      'notes',
      { memory: '- likes tea\n- likes tea\n- has a cat\n' },
      { memory: '- likes tea\n- has a dog\n' },
      ['forgotten: - likes tea', 'forgotten: - has a cat', 'noted: - has a dog'],
    ],
  ]
  for (const [name, before, after, whats] of CASES) {
    it(`G09: tell ${name}`, () => {
      assert.deepEqual(
        fileChanges(before, after).map(({ what }) => what),
        whats,
      )
    })
  }

  it('cut a long value, and follow no alias', () => {
    const [change] = fileChanges({}, { config: `name: ${'x'.repeat(500)}\n` })
    assert.ok((change?.what.length ?? 0) < 100)
    const bomb = 'a: &a [x,x]\nb: [*a,*a]\n'
    assert.deepEqual(
      fileChanges({}, { config: bomb }).map(({ what }) => what),
      ['config.yaml can no longer be read'],
    )
  })

  it('become entries of the audit log without a word of any note, and no more than 50', () => {
    const { peers: many } = peers(...Array.from({ length: 60 }, (_, at) => `{name: p${at}}`))
    const events = eventsOf(fileChanges({}, { peers: many ?? '', memory: 'my secret\nand more\n' }))
    assert.equal(events.length, 52)
    assert.deepEqual(
      events.slice(-2).map(({ kind, what }) => [kind, what]),
      [
        ['limit', '10 further changes'],
        ['memory', '2 lines of notes changed'],
      ],
    )
    assert.ok(!JSON.stringify(events).includes('secret'))
    assert.deepEqual(events[0], {
      kind: 'peers',
      who: 'owner',
      what: 'peer p0 was added, and may: nothing',
      details: { subject: 'p0' },
    })
  })
})
