import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Memory } from '../../src/agent/memory.ts'
import { Presets } from '../../src/agent/presets.ts'
import { Workspace } from '../../src/agent/workspace.ts'
import { agentSchema } from '../../src/node/agent-config.ts'
import { createTools } from '../../src/node/agent/tools.ts'
import type { KithNode } from '../../src/node/node.ts'
import { STANDARD_PRESETS } from '../../src/protocol/verbs.ts'
import { facts } from '../agent/engines/builtin-fixture.ts'
import { ModelServer } from '../helpers/model-server.ts'
import type { ModelReply } from '../helpers/model-server.ts'
import { OpenNodes } from '../helpers/open-node.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { code, page, section, table, tables } from './markdown.ts'

const PAGE = page('docs/agent.md')
const EXAMPLES = new Map(
  [...PAGE.matchAll(/^#{2,3} (.*)\n(?:(?!^#)[^])*?^```yaml\n([^]*?)^```$/gm)].map(
    ([, heading = '', yaml = '']) => [heading, yaml],
  ),
)

describe('docs/agent.md', function () {
  const folder = tempFolder()
  const { PATH } = process.env
  let nodes: OpenNodes

  beforeEach(() => {
    nodes = new OpenNodes(folder())
    process.env['OPENROUTER_API_KEY'] = 'a-key'
  })
  afterEach(async () => {
    delete process.env['OPENROUTER_API_KEY']
    process.env['PATH'] = PATH
    await nodes.stopAll()
  })

  /** A node with this config, running. */
  async function started(yaml: string): Promise<KithNode> {
    await nodes.make('node')
    const home = join(folder(), 'node')
    await mkdir(join(home, 'workspace'))
    await writeFile(join(home, 'config.yaml'), yaml, { mode: 0o600 })
    const node = await nodes.open()
    await node.start()
    return node
  }

  async function example(
    heading: string,
    changes: [from: string, to: string][],
  ): Promise<KithNode> {
    let yaml = EXAMPLES.get(heading) ?? ''
    for (const [from, to] of changes) {
      assert.ok(yaml.includes(from), `${heading} has no ${from}`)
      yaml = yaml.replace(from, to)
    }
    return await started(yaml)
  }

  /** Makes a program of this name that says how it was called, then its input. */
  async function install(program: string): Promise<void> {
    const bin = join(folder(), 'bin')
    await mkdir(bin)
    await writeFile(join(bin, program), '#!/bin/sh\necho "$# $*"\ncat\n')
    await chmod(join(bin, program), 0o755)
    process.env['PATH'] = `${bin}${delimiter}${PATH ?? ''}`
  }

  /** The answer to an ask of the owner's. */
  async function answer(node: KithNode, text: string, session?: string): Promise<string> {
    const named = session === undefined ? {} : { session }
    const handle = await node.desk.ask({ peer: 'self', text, ...named })
    let said = ''
    for (const events = handle.read(0); ;) {
      const { done, value } = await events.next()
      if (done === true) {
        assert.equal(value.outcome, 'done', JSON.stringify(value))
        return said
      }
      if (value.body.kind === 'text') said += value.body.text
    }
  }

  it('has every engine', () => {
    const rows = table(section(PAGE, '## Engines')).map(([name]) => code(name))
    assert.deepEqual(rows, agentSchema.shape.engine.unwrap().options)
  })

  it('has every tool, its class, and which presets cover it', async () => {
    const presets = new Presets()
    const peers = { ask: () => assert.fail('nobody is asked') }
    const memory = new Memory(join(folder(), 'MEMORY.md'))
    const parts = { facts, memory, peers, presets, workspace: new Workspace(folder()) }
    // Without a sandbox, so that the shell is there on every machine.
    const config = agentSchema.parse({ shell: { sandbox: 'off' } })
    const tools = await createTools(config, parts, folder())
    const [rows = []] = tables(section(PAGE, '## Presets'))
    assert.deepEqual(
      rows.map((row) => row.slice(0, 6)),
      tools.map((tool) => [
        `\`${tool.name}\``,
        tool.class,
        ...STANDARD_PRESETS.map((preset) => (presets.allows([preset], tool) ? 'yes' : '–')),
      ]),
    )
  })

  it('has an example of each engine but the built-in one', () => {
    assert.deepEqual(
      [...EXAMPLES.keys()],
      [
        ...['OpenRouter', 'Anthropic', 'Ollama', 'llama.cpp'],
        ...['claude -p', 'codex exec', 'opencode', 'Presets'],
      ],
    )
    assert.equal(EXAMPLES.size, PAGE.match(/^```yaml$/gm)?.length)
  })

  for (const heading of ['OpenRouter', 'Ollama', 'opencode', 'Presets']) {
    it(`has an example for ${heading} that a node starts with`, async () => {
      const node = await example(heading, [])
      assert.equal(node.agent.name, node.config.agent.engine)
    })
  }

  it('has an example for Anthropic that a node starts with', async () => {
    const path = join(folder(), 'key')
    await writeFile(path, 'a-key', { mode: 0o600 })
    await example('Anthropic', [['/etc/kith/anthropic-key', path]])
  })

  it('has an example in README.md that a node starts with', async () => {
    const [, yaml = ''] = /^```yaml\n([^]*?)^```$/m.exec(page('README.md')) ?? []
    const node = await started(yaml)
    assert.equal(node.agent.name, 'model')
  })

  for (const [heading, program, called] of [
    ['claude -p', 'claude', '1 -p'],
    ['codex exec', 'codex', '5 exec --sandbox read-only --skip-git-repo-check -'],
  ] as const) {
    it(`has an example for ${heading} by which that program answers`, async () => {
      await install(program)
      assert.equal(await answer(await example(heading, []), 'hello'), `${called}\nhello`)
    })
  }

  describe('with a model server', () => {
    let server: ModelServer
    beforeEach(async () => {
      server = await ModelServer.start()
    })
    afterEach(() => server.stop())

    const local = (): [string, string] => ['http://127.0.0.1:8080/v1', server.url]

    it('has an example for llama.cpp by which a model answers', async () => {
      const node = await example('llama.cpp', [local()])
      assert.match(await answer(node, 'hello'), /^You said: [^]*hello/)
    })

    it('has every field of every log', async () => {
      const context: [string, string] = [
        'use: [local/qwen3]',
        'use: [local/qwen3]\n    context_tokens: 1',
      ]
      const node = await example('llama.cpp', [local(), context])
      node.agent.approvals.onOpen(() => {
        const [{ id } = { id: '' }] = node.agent.approvals.pending()
        void node.agent.approvals.answer(id, 'session', { name: 'self', id: node.self.id })
      })
      const calls = [{ name: 'forget', input: { source: 'nas' } }]
      const forget: ModelReply = { kind: 'tools', calls }
      server.reply(forget, { kind: 'text', text: 'Forgotten.' })
      await answer(node, 'forget all of nas', 'work')
      server.reply({ kind: 'text', text: 'They forgot nas.' }, forget)
      await answer(node, 'and again', 'work')
      const logs = section(PAGE, '## Logs')
      for (const [name, rows] of logTables(logs)) {
        const fields = rows.flatMap(([names = '']) =>
          [...names.matchAll(/`(\w+)`/g)].map(([, f]) => f),
        )
        const text = await readFile(join(folder(), 'node', 'logs', name), 'utf8')
        const lines = text
          .trim()
          .split('\n')
          .map((line) => Object.keys(JSON.parse(line) as object))
        // What is undefined, such as the cause of a good end, is in no line.
        const written = new Set(lines.flat())
        assert.deepEqual(
          fields.filter((field = '') => !written.has(field) && !OF_PROGRAMS.includes(field)),
          [],
          name,
        )
        assert.deepEqual(
          [...written].filter((field) => !fields.includes(field)),
          [],
          name,
        )
      }
    })
  })
})

/** Fields of a line of an engine that runs programs: `run-log.spec.ts` has them. */
const OF_PROGRAMS = ['pid', 'exitCode', 'signal']

/** The tables of the logs, each with the name that stands before it. */
function logTables(text: string): [name: string, rows: string[][]][] {
  const names = [...text.matchAll(/^`(\w+\.log)`/gm)].map(([, name = '']) => name)
  const found = tables(text)
  assert.equal(names.length, found.length)
  return names.map((name, place) => [name, found[place] ?? []])
}
