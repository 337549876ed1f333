import assert from 'node:assert/strict'
import manifest from '../package.json' with { type: 'json' }
import {
  controlOnly,
  direction,
  fiveFolders,
  kebabCase,
  noBarrels,
  noConsole,
  noCycles,
  pureProtocol,
  quickStart,
  shortFiles,
  undeclared,
} from './helpers/architecture.ts'
import type { Rule } from './helpers/architecture.ts'
import { readSources } from './helpers/imports.ts'
import type { Sources } from './helpers/imports.ts'

const declared = new Set(Object.keys(manifest.dependencies))
const noPhantoms: Rule = (sources) => undeclared(sources, declared)

describe('architecture', () => {
  let src: Sources

  before(() => {
    src = readSources('src')
  })

  const rules: [title: string, rule: Rule][] = [
    ['src/ holds cli, node, agent, store and protocol, and nothing beside them', fiveFolders],
    ['imports go cli → node → agent, store and all → protocol', direction],
    ['cli/ reaches a running node through its control contract', controlOnly],
    ['no command loads libp2p or level before it needs them', quickStart],
    ['no file reaches itself by its imports, types included', noCycles],
    ['no file only hands on the names of others', noBarrels],
    ['protocol/ does no I/O, reads no clock and makes no chance', pureProtocol],
    ['every package that is imported is a dependency', noPhantoms],
    ['only cli/ writes to the console', noConsole],
    ['no file is longer than 300 lines', shortFiles],
    ['every file is named in kebab-case', kebabCase],
  ]
  for (const [title, rule] of rules) {
    it(title, () => {
      assert.deepEqual(rule(src), [])
    })
  }
})

describe('architecture rules', () => {
  const planted: [rule: Rule, what: string, files: Record<string, string>, found: string[]][] = [
    [
      fiveFolders,
      'a file beside the folders',
      { 'src/main.ts': '', 'src/cli/main.ts': '' },
      ['src/main.ts: not in one of cli, node, agent, store, protocol'],
    ],
    [
      fiveFolders,
      'a sixth folder',
      { 'src/lib/a.ts': '' },
      ['src/lib/a.ts: not in one of cli, node, agent, store, protocol'],
    ],
    [
      direction,
      'agent → store, by a type',
      { 'src/agent/agent.ts': "\nimport type { Journal } from '../store/journal.ts'" },
      ['src/agent/agent.ts:2: must not import src/store/journal.ts'],
    ],
    [
      direction,
      'protocol → node, by a type in place',
      { 'src/protocol/a.ts': "type A = import('../node/a.ts').A" },
      ['src/protocol/a.ts:1: must not import src/node/a.ts'],
    ],
    [
      direction,
      'store → agent, by a re-export',
      { 'src/store/a.ts': "export { a } from '../agent/a.ts'" },
      ['src/store/a.ts:1: must not import src/agent/a.ts'],
    ],
    [
      direction,
      'node → cli, on demand',
      { 'src/node/a.ts': "const a = await import('../cli/main.ts')" },
      ['src/node/a.ts:1: must not import src/cli/main.ts'],
    ],
    [
      direction,
      'cli → agent, but for what it may await',
      {
        'src/cli/a.ts':
          "import { framed } from '../agent/untrusted.ts'\n" +
          "const b = await import('../agent/untrusted.ts')\n" +
          "const c = await import('../agent/agent.ts')",
      },
      [
        'src/cli/a.ts:1: must not import src/agent/untrusted.ts',
        'src/cli/a.ts:3: must not import src/agent/agent.ts',
      ],
    ],
    [
      direction,
      'src → test',
      { 'src/node/a.ts': "import { fake } from '../../test/fake.ts'" },
      ['src/node/a.ts:1: must not import test/fake.ts'],
    ],
    [
      controlOnly,
      'cli → node/node.ts, statically and by a type',
      {
        'src/cli/commands/start.ts':
          "import { Node } from '../../node/node.ts'\n" +
          "import type { Pin } from '../../node/pins.ts'",
      },
      [
        'src/cli/commands/start.ts:1: needs `await import()` for src/node/node.ts',
        'src/cli/commands/start.ts:2: needs `await import()` for src/node/pins.ts',
      ],
    ],
    [
      quickStart,
      'libp2p behind the control client',
      {
        'src/cli/main.ts': "import { connect } from '../node/control/client.ts'",
        'src/node/control/client.ts': "import { read } from '../network.ts'",
        'src/node/network.ts': "import { tcp } from '@libp2p/tcp'",
      },
      ['src/cli/main.ts → src/node/control/client.ts → src/node/network.ts → @libp2p/tcp'],
    ],
    [
      noCycles,
      'a cycle closed by a type',
      {
        'src/node/a.ts': "import { b } from './b.ts'",
        'src/node/b.ts': "import { c } from './verbs/c.ts'",
        'src/node/verbs/c.ts': "import type { A } from '../a.ts'",
      },
      ['src/node/a.ts → src/node/b.ts → src/node/verbs/c.ts → src/node/a.ts'],
    ],
    [
      noBarrels,
      'an index.ts',
      { 'src/node/index.ts': 'export const a = 1' },
      ['src/node/index.ts: a barrel; import the file that defines the name'],
    ],
    [
      noBarrels,
      'a file of re-exports, in both ways of writing them',
      {
        'src/node/all.ts': "export * from './a.ts'\nexport type { B } from './b.ts'",
        'src/node/some.ts': "import { a } from './a.ts'\nexport { a }",
      },
      [
        'src/node/all.ts: a barrel; import the file that defines the name',
        'src/node/some.ts: a barrel; import the file that defines the name',
      ],
    ],
    [
      pureProtocol,
      'I/O by a builtin, with and without its prefix, and by a package',
      {
        'src/protocol/a.ts':
          "import { readFileSync } from 'node:fs'\n" +
          "import net from 'net'\n" +
          "import { pino } from 'pino'",
      },
      [
        'src/protocol/a.ts:1: must not use node:fs',
        'src/protocol/a.ts:2: must not use net',
        'src/protocol/a.ts:3: must not use pino',
      ],
    ],
    ...[
      'Date.now',
      'Math.random',
      'performance.now',
      'randomBytes',
      'randomUUID',
      'getRandomValues',
      'setTimeout',
      'new Date()',
    ].map((use): (typeof planted)[number] => [
      pureProtocol,
      use,
      { 'src/protocol/a.ts': `const a = ${use}` },
      [`src/protocol/a.ts:1: uses ${use}`],
    ]),
    [
      noPhantoms,
      'a package that only another one needs',
      { 'src/node/a.ts': "import type { Uint8ArrayList } from 'uint8arraylist'" },
      ['src/node/a.ts:1: imports uint8arraylist, which is not in package.json'],
    ],
    [
      noConsole,
      'console in the node',
      { 'src/node/a.ts': "console.log('here')" },
      ['src/node/a.ts:1: uses console'],
    ],
    [
      shortFiles,
      'a file of 301 lines',
      { 'src/node/a.ts': '\n'.repeat(301) },
      ['src/node/a.ts: 301 lines, and 300 are allowed'],
    ],
    [
      kebabCase,
      'camelCase in a file and in a folder',
      { 'src/node/keyLog.ts': '', 'src/Node/a.ts': '', 'src/node/key_log.ts': '' },
      [
        'src/node/keyLog.ts: not in kebab-case',
        'src/Node/a.ts: not in kebab-case',
        'src/node/key_log.ts: not in kebab-case',
      ],
    ],
  ]
  for (const [rule, what, files, found] of planted) {
    it(`refuse ${what}`, () => {
      assert.deepEqual(rule(new Map(Object.entries(files))), found)
    })
  }

  it('take a tree that keeps them all', () => {
    const tree: Sources = new Map([
      [
        'src/cli/main.ts',
        "import manifest from '../../package.json' with { type: 'json' }\n" +
          "import { connect } from '../node/control/client.ts'\n" +
          "import type { Status } from '../node/control/api.ts'\n" +
          "const { Node } = await import('../node/node.ts')\nconsole.log(manifest)",
      ],
      ['src/node/control/client.ts', "import type { Peer } from '@libp2p/interface'"],
      ['src/node/node.ts', "import { tcp } from '@libp2p/tcp'\nimport '../protocol/key-log.ts'"],
      [
        'src/protocol/key-log.ts',
        "import { createHash } from 'node:crypto'\nimport { z } from 'zod'\n" +
          '// Date.now() is the caller’s.\nexport const at = (now: number) => new Date(now)',
      ],
      ['src/node/dashboard/app.css', '\n'.repeat(300)],
    ])
    const all = [fiveFolders, direction, controlOnly, quickStart, noCycles, noBarrels]
    for (const rule of [...all, pureProtocol, noPhantoms, noConsole, shortFiles, kebabCase]) {
      assert.deepEqual(rule(tree), [])
    }
  })
})
