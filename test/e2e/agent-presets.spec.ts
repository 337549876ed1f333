import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { STANDARD_PRESETS } from '../../src/protocol/verbs.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { LAB_KEY, configureAgent, modelAt } from '../helpers/live-agent.ts'
import { ModelServer } from '../helpers/model-server.ts'

type Preset = (typeof STANDARD_PRESETS)[number]

/** Each tool with a call that does no harm, and the least preset that covers it. */
const TOOLS: readonly (readonly [name: string, least: Preset, input: object])[] = [
  ['node_status', 'read-only', {}],
  ['list_peers', 'read-only', {}],
  ['list_asks', 'read-only', {}],
  ['list_jobs', 'read-only', {}],
  ['current_time', 'read-only', {}],
  ['list_files', 'read-only', {}],
  ['read_file', 'read-only', { path: 'plants.md' }],
  ['search_files', 'read-only', { words: 'water' }],
  ['recall', 'read-only', { words: 'water' }],
  ['write_file', 'write', { path: 'plants.md', text: 'water them\n' }],
  ['edit_file', 'write', { path: 'plants.md', before: 'water', after: 'Water' }],
  ['remember', 'write', { text: 'water them' }],
  ['forget', 'write', {}],
  ['shell', 'full', { command: 'true' }],
  ['fetch', 'full', { url: 'http://127.0.0.1:9/' }],
  ['ask_peer', 'full', { peer: 'nobody', text: 'hello' }],
]

const ABOVE = /is above the preset/

function covers(preset: Preset, least: Preset): boolean {
  return STANDARD_PRESETS.indexOf(preset) >= STANDARD_PRESETS.indexOf(least)
}

describe('the tools of a node', () => {
  const make = liveNodes()
  const refusing = new AbortController()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    server = await ModelServer.start()
    alice = await make('alice')
    // The shell is there whether this machine has a sandbox or not: one that is not there is refused for that.
    bob = await make('bob', { env: { [LAB_KEY]: 'sk-lab' } })
    await configureAgent(bob, modelAt(server, { shell: { sandbox: 'off' } }))
    await alice.pin(bob)
    await bob.pin(alice, {
      allow: ['ask'],
      addresses: [],
      ask: { preset: 'none', per_minute: 600 },
    })
    await bob.start()
    await alice.start()
    await alice.linkedTo(bob)
    void refuseAll()
  })
  after(async () => {
    refusing.abort()
    await server.stop()
  })

  /** What waits for a person is refused: a preset that covers a tool lets it come so far. */
  async function refuseAll(): Promise<void> {
    try {
      for await (const { approval } of bob.client.approvalEvents({}, refusing.signal)) {
        await bob.client.call('answerApproval', { approval, answer: 'deny' })
      }
    } catch (err) {
      if (!refusing.signal.aborted) throw err
    }
  }

  async function grant(preset: Preset): Promise<void> {
    const pins = await readFile(bob.home.peers, 'utf8')
    const changed = pins.replace(/preset: \S+/, `preset: ${preset}`)
    if (changed === pins) return
    const from = bob.log.mark
    await writeFile(bob.home.peers, changed, { mode: 0o600 })
    await bob.logLine(({ msg }) => msg === 'pins in force', from)
  }

  /** What each tool answers to a model that calls them all, whatever it was offered; and what it was offered. */
  async function callAll(
    preset: Preset | undefined,
  ): Promise<{ results: Map<string, string>; offered: Set<string> }> {
    const calls = TOOLS.map(([name, , input]) => ({ id: name, name, input }))
    server.reply({ kind: 'tools', calls }, { kind: 'text', text: 'done' })
    const from = server.requests.length
    const options = preset === undefined ? {} : { preset }
    const { final } = await alice.ask(bob, 'do all that you can', options)
    assert.equal(final.outcome, 'done')
    const [first, second] = server.requests.slice(from)
    const results = second?.body.messages.filter(({ role }) => role === 'tool') ?? []
    return {
      results: new Map(results.map((one) => [one.tool_call_id ?? '', JSON.stringify(one.content)])),
      offered: new Set(first?.body.tools?.map((tool) => tool.function.name)),
    }
  }

  for (const granted of STANDARD_PRESETS) {
    for (const wanted of [undefined, ...STANDARD_PRESETS]) {
      const of = wanted === undefined ? 'with no word of its own' : `that wants ${wanted}`
      it(`F51: are for an ask ${of} under the grant ${granted} what both cover`, async () => {
        await grant(granted)
        const { offered, results } = await callAll(wanted)
        assert.equal(results.size, TOOLS.length)
        for (const [name, least] of TOOLS) {
          const covered = covers(granted, least) && covers(wanted ?? 'full', least)
          assert.equal(offered.delete(name), covered, `${name} is offered`)
          assert.equal(!ABOVE.test(results.get(name) ?? ''), covered, results.get(name))
        }
        assert.deepEqual([...offered], [], 'tools that are not in the table')
      })
    }
  }
})
