import { randomBytes } from 'node:crypto'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { Level } from 'level'
import { pino } from 'pino'
import { MERGE_RULES } from '../../src/node/backup/merge-rules.ts'
import { ServiceLogs } from '../../src/node/daemon/service-log.ts'
import { homeOf } from '../../src/node/home.ts'
import type { KithNode } from '../../src/node/node.ts'
import type { Database } from '../../src/store/database.ts'
import { HttpNode } from '../helpers/http-node.ts'
import { keyLogOf } from '../helpers/key-logs.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { OpenNodes } from '../helpers/open-node.ts'
import { GrowthEngine } from './growth-engine.ts'

/** What a node keeps at a time: rows and bytes by sublevel, bytes by log. */
export interface Kept {
  rows: Map<string, { rows: number; bytes: number }>
  logs: Map<string, number>
}

interface Opened {
  database: Database
  http: HttpNode
  logs: ServiceLogs
  node: KithNode
}

/** A minute ahead of the files that are dropped into the feed: nobody writes them any more. */
const AHEAD_MS = 60_000

/** A whole node over a real folder, on a clock that is turned by hand. Nobody else runs: its peers are away. */
export class GrowthNode {
  readonly clock = new ManualClock(Date.now() + AHEAD_MS)
  readonly folder: string
  readonly inbox: string
  /** Ids of the peers, by their names. */
  readonly peers = new Map<string, string>()
  readonly #nodes: OpenNodes
  #opened: Opened | undefined

  constructor(folder: string) {
    this.folder = folder
    this.inbox = join(folder, 'inbox')
    this.#nodes = new OpenNodes(folder)
  }

  /** Writes its settings, for so many peers. */
  async make(peers: number): Promise<void> {
    await this.#nodes.make('node')
    await mkdir(this.inbox, { mode: 0o700 })
    for (let nth = 0; nth < peers; nth++) {
      const name = `peer-${nth}`
      const { id } = await keyLogOf(name)
      this.peers.set(name, id)
      await this.#nodes.pin({ name, id, addresses: [], allow: ['ping', 'ask'] })
    }
    const home = join(this.folder, 'node')
    await writeFile(join(home, 'jobs.yaml'), this.#jobs(), { mode: 0o600 })
    await writeFile(join(this.folder, 'hook.key'), randomBytes(32).toString('hex'), { mode: 0o600 })
  }

  get node(): KithNode {
    return this.#now.node
  }

  get #now(): Opened {
    if (this.#opened === undefined) throw new TypeError('the node is not open')
    return this.#opened
  }

  async start(): Promise<void> {
    const logs = new ServiceLogs(
      new Writable({
        write: (_chunk, _encoding, done) => {
          done()
        },
      }),
    )
    const home = homeOf({ KITH_HOME: join(this.folder, 'node') }, undefined)
    let database: Database | undefined
    const node: KithNode = await this.#nodes.open('node', {
      flags: { 'http.listen': '127.0.0.1:0' },
      log: pino({ base: null }, logs.of({ home })),
      around: (surroundings) => {
        database = surroundings.database
        return {
          ...surroundings,
          clock: this.clock,
          engine: async (parts) => ({
            engine: new GrowthEngine(parts, () => node.agent.approvals),
            stop: async () => undefined,
          }),
        }
      },
    })
    const http = new HttpNode(node)
    await http.start()
    await node.start()
    if (database === undefined) throw new TypeError('the node has no database')
    this.#opened = { database, http, logs, node }
  }

  /** Stops it, if it runs, and says how many timers it has left. */
  async stop(): Promise<number> {
    if (this.#opened === undefined) return this.clock.timers
    const { http, logs, node } = this.#opened
    this.#opened = undefined
    await http.stop()
    await this.#nodes.stop(node)
    logs.close()
    return this.clock.timers
  }

  /** Resolves when nothing is being written, and what that has caused neither. */
  async quiet(): Promise<void> {
    const { database, node } = this.#now
    for (let idle = 0; idle < 4;) {
      for (let turns = 0; turns < 4; turns++) await turn()
      const { begun, done } = database.writes
      const isBusy = begun !== done || node.answerer.counts.running > this.waiting()
      idle = isBusy ? 0 : idle + 1
    }
  }

  /** Asks that wait for a person. */
  waiting(): number {
    return this.node.agent.approvals.pending().length
  }

  /** All that it keeps now. */
  async kept(): Promise<Kept> {
    const { database } = this.#now
    const rows: Kept['rows'] = new Map()
    for (const name of Object.keys(MERGE_RULES)) {
      const seen = { rows: 0, bytes: 0 }
      for await (const [key, value] of database.sublevel(name).iterator()) {
        seen.rows++
        seen.bytes += key.length + value.byteLength
      }
      rows.set(name, seen)
    }
    const logs: Kept['logs'] = new Map()
    const folder = join(this.folder, 'node', 'logs')
    for (const file of await readdir(folder)) {
      const name = file.replace(/\.\d+$/, '')
      const { size } = await stat(join(folder, file))
      logs.set(name, (logs.get(name) ?? 0) + size)
    }
    return { rows, logs }
  }

  /** Bytes of the folder of its store, now that it is stopped: as it was left, and compacted; and of its rows. */
  async storeBytes(): Promise<{ left: number; compacted: number; live: number }> {
    const folder = join(this.folder, 'node', 'store')
    const left = await folderBytes(folder)
    const level = new Level<string, Uint8Array>(folder, { valueEncoding: 'view' })
    await level.open()
    let live = 0
    for await (const [key, value] of level.iterator()) live += key.length + value.byteLength
    // What LevelDB does by itself in the course of time. The class of Node.js has it; that of browsers does not.
    const all = level as unknown as { compactRange: (from: string, to: string) => Promise<void> }
    await all.compactRange('', '~')
    await level.close()
    return { left, compacted: await folderBytes(folder), live }
  }

  #jobs(): string {
    const out = (name: string): string => JSON.stringify(join(this.folder, `${name}.md`))
    const job = (name: string, lines: string[]): string =>
      [
        `  - name: ${name}`,
        '    enabled: true',
        '    zone: UTC',
        '    schedule: {kind: manual}',
        '    pause_after: 1000000',
        ...lines.map((line) => `    ${line}`),
      ].join('\n')
    const ask = (text: string, egress = 'none'): string =>
      `target: {kind: ask, peer: self, text: ${JSON.stringify(text)}, egress: ${egress}}`
    const secret = JSON.stringify(`file:${join(this.folder, 'hook.key')}`)
    return [
      'version: 1',
      'jobs:',
      job('digest', [ask('what is new?'), `deliver: [{file: ${out('digest')}}]`]),
      job('report', [ask('what was done?')]),
      job('letter', [ask('write to them'), `deliver: [{file: ${out('letter')}, when: accepted}]`]),
      job('broken', [`target: {kind: command, argv: ["false"]}`]),
      // Port 9 of this machine: nobody answers there.
      job('hook', [
        ask('tell them', 'peers'),
        `deliver: [{webhook: {url: "http://127.0.0.1:9/", secret: ${secret}}}]`,
      ]),
      job('inbox', [
        ask('read this'),
        `feed: {folder: ${JSON.stringify(this.inbox)}, accept: ["*.md"]}`,
      ]),
      '',
    ].join('\n')
  }
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0
  for (const file of await readdir(folder)) bytes += (await stat(join(folder, file))).size
  return bytes
}
