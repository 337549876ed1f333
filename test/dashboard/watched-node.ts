import assert from 'node:assert/strict'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { ApprovalReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/free-port.ts'
import { LAB_KEY, configureAgent, modelAt } from '../helpers/live-agent.ts'
import type { LiveNode, LiveNodeInit } from '../helpers/live-node.ts'
import { ModelServer } from '../helpers/model-server.ts'

/** What must stay a text: markup, an escape sequence, and a turn to the left. */
export const HOSTILE =
  '<img src=x onerror="alert(1)"><script>alert(2)</script>\u001B]0;owned\u0007\u202Egnp.txt'

const TALLY = 'tally: '
const STROKE_CALL = {
  name: 'edit_file',
  input: { path: 'tally.md', before: TALLY, after: `${TALLY}|` },
}

/** A node with all that its dashboard can show, and a peer that asks it. Both are processes of their own. */
export class WatchedNode {
  readonly node: LiveNode
  readonly alice: LiveNode
  readonly model: ModelServer
  readonly #folder: string

  private constructor(node: LiveNode, alice: LiveNode, model: ModelServer) {
    this.node = node
    this.alice = alice
    this.model = model
    this.#folder = dirname(node.home.path)
  }

  static async start(
    make: (name: string, init?: LiveNodeInit) => Promise<LiveNode>,
  ): Promise<WatchedNode> {
    const node = await make('bert', { env: { [LAB_KEY]: 'sk-lab' } })
    const [alice, attic] = [await make('alice'), await make('attic')]
    const model = await ModelServer.start()
    const watched = new WatchedNode(node, alice, model)
    try {
      await watched.#start(attic)
    } catch (err) {
      await watched.stop()
      throw err
    }
    return watched
  }

  async #start(attic: LiveNode): Promise<void> {
    const { alice, model, node } = this
    const http = `127.0.0.1:${await freePort()}`
    const budget = { ask_usd: 0.5, daily_usd: 2, daily_tokens: 50_000 }
    await configureAgent(node, modelAt(model, { budget }))
    await appendFile(node.home.config, `http: ${JSON.stringify({ listen: http })}\n`)
    await this.#writeJobs()
    await mkdir(node.home.workspace, { recursive: true, mode: 0o700 })
    await writeFile(join(node.home.workspace, 'tally.md'), TALLY)
    await alice.pin(node, { allow: ['status'] })
    const ask = { preset: 'write', approve: ['write' as const], daily_usd: 0.05 }
    await node.pin(alice, { allow: ['ask'], addresses: [], ask })
    // Pinned, and not running.
    await node.pin(attic)
    await node.start()
    await alice.start()
    await Promise.all([alice.linkedTo(node), node.linkedTo(alice)])
  }

  async stop(): Promise<void> {
    await this.model.stop()
  }

  /** A link that opens the dashboard, as `kith dashboard` prints it. */
  async link(): Promise<string> {
    return (await this.node.client.call('dashboard', {})).url
  }

  /** Lets alice ask for a change of a file, which waits for a person. */
  async parked(text = 'one stroke, please'): Promise<ApprovalReport> {
    this.model.reply({ kind: 'tools', calls: [STROKE_CALL] })
    return await this.#waiting(text)
  }

  async #waiting(text: string): Promise<ApprovalReport> {
    const ask = await this.alice.submit(this.node, text)
    return await eventually(async () => {
      const open = await this.node.client.call('approvals', {})
      const found = open.find((one) => one.ask === ask)
      assert.ok(found !== undefined)
      return found
    })
  }

  /** The same with hostile texts in the ask and in what would be done. */
  async parkedHostile(): Promise<ApprovalReport> {
    const input = { path: '<b onclick=alert(3)>.md', text: HOSTILE }
    this.model.reply({ kind: 'tools', calls: [{ name: 'write_file', input }] })
    return await this.#waiting(`${HOSTILE} ${'W'.repeat(5_000)}`)
  }

  /** Makes a backup that a recipient could open. */
  async backUp(): Promise<void> {
    const to = join(this.#folder, 'backups')
    await mkdir(to, { recursive: true, mode: 0o700 })
    const recipient = await identityToRecipient(await generateX25519Identity())
    await this.node.client.call('createBackup', { to, recipients: [recipient] })
  }

  /** What a node may have done by noon: answered, run its jobs, made a backup, and something waits. */
  async liveThroughADay(): Promise<void> {
    const { client } = this.node
    this.model.reply({
      kind: 'text',
      text: 'Three of them are new since yesterday. The attic has not been heard of for a while.',
      usage: { input: 9_000, output: 14_000 },
    })
    await this.alice.ask(this.node, 'What is new on the shelf?')
    await this.backUp()
    for (const job of ['sweep', 'broken']) await client.call('runJob', { job })
    await client.call('pauseJob', { job: 'digest', why: 'away until Monday' })
    await this.parked('Please add one stroke to the tally.')
    await eventually(async () => {
      const { runs } = await client.call('runs', {})
      assert.ok(runs.length === 2 && runs.every(({ finalAt }) => finalAt !== undefined))
      const { rows } = await client.call('fleet', {})
      assert.ok(rows.some(({ state }) => state === 'green'))
    })
  }

  async #writeJobs(): Promise<void> {
    const manual = { kind: 'manual' }
    const rows = [
      { name: 'sweep', schedule: manual, target: command('echo swept') },
      { name: 'broken', schedule: manual, target: command('echo no disk >&2; exit 3') },
      {
        name: 'digest',
        schedule: { kind: 'daily', at: '03:00' },
        target: { kind: 'ask', peer: 'self', text: 'what needs a look?', egress: 'local-model' },
      },
    ]
    const jobs = rows.map((row) => ({ enabled: true, zone: 'UTC', ...row }))
    // JSON is YAML.
    const text = JSON.stringify({ version: 1, jobs })
    await writeFile(this.node.home.jobs, text, { mode: 0o600 })
  }
}

function command(script: string): object {
  return { kind: 'command', argv: ['/bin/sh', '-c', script] }
}
