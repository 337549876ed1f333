import { randomBytes } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { askerStanding } from '../../src/node/asks/asker-standing.ts'
import { OWNER } from '../../src/node/http/principal.ts'
import { OWNER_NAME } from '../../src/agent/ports.ts'
import { uuidV7 } from '../../src/protocol/uuid.ts'
import { eventually } from '../helpers/eventually.ts'
import { codeOf, readAnswer } from '../helpers/ask-home.ts'
import { BREAKS, WANTS } from './growth-engine.ts'
import type { DayLoad } from './growth-load.ts'
import type { GrowthNode } from './growth-node.ts'

/** A day is lived in so many steps: of ten minutes each. */
export const STEPS = 144
const STEP_MS = 600_000

/** An ask to a peer that is away waits for so long. */
const DARK_MS = 43_200_000

const PROMPT_BYTES = 700
const SESSION_NAMES = 100
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** What is done once at the beginning, and is never looked after. */
export interface LeftBehind {
  alert: string
  approval: string
  approvalAsk: string
  darkAsk: string
  report: string
  letter: string
  hook: string
  /** SHA-256 of the item that breaks whoever reads it. */
  item: string
}

/** Lives days on a node through its own doors: what its owner, its peers, its jobs and strangers do. */
export class GrowthDays {
  readonly #home: GrowthNode
  readonly #load: DayLoad
  #left: LeftBehind | undefined
  #count = 0
  #step = 0

  constructor(home: GrowthNode, load: DayLoad) {
    this.#home = home
    this.#load = load
  }

  get left(): LeftBehind {
    if (this.#left === undefined) throw new TypeError('nothing was left behind yet')
    return this.#left
  }

  /** Begins what nobody looks after. */
  async leaveBehind(): Promise<void> {
    const home = this.#home
    const { node } = home
    node.alerts.raise({ kind: 'peer-frozen', what: 'seen by nobody', hint: 'look' })
    const alert = node.alerts.list().find(({ what }) => what === 'seen by nobody')?.id ?? ''
    await writeFile(join(home.inbox, 'bad.md'), BREAKS)
    for (let tries = 0; tries < 3; tries++) await this.#run('inbox')
    const items = (await node.jobs.feeds.open('inbox')).items
    const asked = await node.desk.ask({ peer: OWNER_NAME, text: `it ${WANTS}`, timeoutMs: DARK_MS })
    await home.quiet()
    const [approval] = node.agent.approvals.pending()
    const dark = await node.desk.ask({
      ...{ peer: 'peer-0', text: 'are you there?', wait: true, timeoutMs: DARK_MS },
    })
    this.#left = {
      alert,
      approval: approval?.id ?? '',
      approvalAsk: asked.record.ask,
      darkAsk: dark.record.ask,
      report: await this.#run('report'),
      letter: await this.#run('letter'),
      hook: await this.#run('hook'),
      item: items[0]?.item ?? '',
    }
  }

  /** Lives a whole day. */
  async live(): Promise<void> {
    const load = this.#load
    const home = this.#home
    for (let step = 0; step < STEPS; step++) {
      this.#step = step
      await Promise.all([
        this.#repeat(load.ownAsks, () => this.#askMyself()),
        this.#repeat(load.peerAsks, () => this.#askAsPeer()),
        this.#repeat(load.darkAsks, () => this.#askDark()),
        this.#repeat(load.tasks, () => this.#submit()),
        this.#repeat(load.runs, () => this.#run('digest')),
        this.#repeat(load.failedRuns, () => this.#run('broken')),
        this.#repeat(load.hooks, () => this.#run('hook')),
        this.#repeat(load.approvals, () => this.#askAndRefuse()),
        this.#repeat(load.backups, () => this.#noteBackup()),
        this.#repeat(load.edits, () => this.#edit()),
        this.#repeat(load.logins, () => this.#logIn()),
        this.#feed(),
      ])
      this.#inPassing()
      await home.quiet()
      // What is due more often than a step is long is done once in it.
      home.clock.stall(STEP_MS)
      await home.quiet()
    }
    await this.#evening()
  }

  /** What is over at once. */
  #inPassing(): void {
    const { node, peers } = this.#home
    const load = this.#load
    const names = [...peers]
    this.#times(load.alerts, () => {
      node.alerts.raise({ kind: 'job-failed', what: `alert ${this.#next()}`, hint: 'look' })
    })
    this.#times(load.strangers, () => {
      const nth = this.#next()
      const key = `12D3KooW${Array.from(randomBytes(44), (byte) => ALPHABET[byte % 58]).join('')}`
      node.strangers.note(key, multiaddr(`/ip4/203.${nth % 250}.113.1/tcp/4001`))
      if (nth % 4 === 0) node.strangers.deny(key).catch(fail)
    })
    const call = { verb: 'ask', body: { ask: uuidV7(node.clock.now(), randomBytes(10)) } }
    this.#times(load.denials, () => {
      const [name = '', id = ''] = names[this.#next() % names.length] ?? []
      node.audit.refused(name, 'ask', 'denied')
      const why = { code: 'denied', details: { rule: 'preset' }, why: 'no' } as const
      node.fleet.policy.refused(id, { ...call, body: {} }, why)
    })
    this.#times(load.refusals, () => {
      const [, id = ''] = names[this.#next() % names.length] ?? []
      node.fleet.policy.admitted(id, {
        ...call,
        body: { ask: uuidV7(node.clock.now(), randomBytes(10)) },
      })
    })
    this.#times(load.records, () => {
      node.audit.record({ kind: 'service', who: 'owner', what: `looked ${this.#next()}` })
    })
  }

  async #askMyself(): Promise<void> {
    const session = `s${this.#next() % SESSION_NAMES}`
    await this.#answered(
      await this.#home.node.desk.ask({ peer: OWNER_NAME, text: this.#prompt(), session }),
    )
  }

  async #askAsPeer(): Promise<void> {
    const { node, peers } = this.#home
    const { answerer, clock, desk, pins } = node
    const nth = this.#next()
    const id = [...peers.values()][nth % peers.size] ?? ''
    const standing = askerStanding({ clock, owner: desk.owner, pins }, id)
    if (standing === undefined) throw new TypeError('it is not pinned')
    const ask = uuidV7(clock.now(), randomBytes(10))
    const call = { ask, text: this.#prompt(), chain: [id], timeoutMs: 600_000 }
    const session = `p${nth % SESSION_NAMES}`
    await this.#answered(await answerer.submit(standing.asker, { ...call, session }))
  }

  async #askDark(): Promise<void> {
    await this.#home.node.desk.ask({
      ...{ peer: 'peer-0', text: this.#prompt(), wait: true, timeoutMs: DARK_MS },
    })
  }

  async #submit(): Promise<void> {
    const { desk, http } = this.#home.node
    const idempotencyKey = `key-${this.#next()}`
    const request = { text: this.#prompt(), to: OWNER_NAME, idempotencyKey }
    const { task } = await http.tasks.submit(OWNER, request)
    await this.#answered(await desk.find(task.id))
  }

  async #askAndRefuse(): Promise<void> {
    const { agent, desk } = this.#home.node
    const handle = await desk.ask({ peer: OWNER_NAME, text: `it ${WANTS} ${this.#next()}` })
    const { ask } = handle.record
    const approval = await eventually(() => {
      const open = agent.approvals.pending().find((one) => one.ask === ask)
      return open ?? fail(new TypeError('nothing waits for a person'))
    })
    await agent.approvals.answer(approval.id, 'deny', { name: OWNER_NAME, id: desk.owner.id })
    await this.#answered(handle)
  }

  async #answered(handle: Parameters<typeof readAnswer>[0]): Promise<void> {
    const { final } = await readAnswer(handle)
    if (codeOf(final) !== 'done') throw new TypeError(`an ask ended with ${codeOf(final)}`)
  }

  /** Runs a job once, and resolves with the id of its run. */
  async #run(job: string): Promise<string> {
    const { jobs } = this.#home.node
    // What is left of the batch of a feed goes on by itself.
    const { run } = await eventually(() => jobs.scheduler.runNow(job))
    await jobs.ended(run, AbortSignal.timeout(60_000))
    return run
  }

  /** Drops files, and has them read. */
  async #feed(): Promise<void> {
    const { inbox } = this.#home
    const due = this.#due(this.#load.items)
    for (let nth = 0; nth < due; nth++) {
      await writeFile(join(inbox, `${this.#next()}.md`), this.#prompt())
    }
    if (due > 0) await this.#run('inbox')
  }

  async #noteBackup(): Promise<void> {
    const { backups, clock } = this.#home.node
    const file = `/srv/backups/${this.#next()}.age`
    const sha256 = randomBytes(32).toString('hex')
    const made = { file, backupAt: clock.now(), bytes: 1_000_000, sha256, by: 'nightly' }
    await backups.records.add({ what: 'made', ...made, lock: 'recipients' })
    await backups.records.add({ what: 'checked', file, how: 'hash', ok: true, by: 'nightly' })
    await backups.records.add({ what: 'removed', file, by: 'nightly' })
  }

  async #edit(): Promise<void> {
    const notes = Array.from({ length: 20 }, (_, nth) => `- note ${nth + this.#count}\n`).join('')
    await writeFile(this.#home.node.home.memory, notes, { mode: 0o600 })
  }

  async #logIn(): Promise<void> {
    const { logins, tokens } = this.#home.node.http
    await logins.redeem(logins.code(), 7_424)
    const name = `t${this.#next()}`
    await tokens.create({ name, scope: 'read', preset: 'none' })
    await tokens.revoke(name)
  }

  /** The owner looks at what there is, but for what was left behind. */
  async #evening(): Promise<void> {
    const { inbox, node } = this.#home
    const { alert, item, letter, report } = this.left
    for (const { id, seenAt } of node.alerts.list()) {
      if (id !== alert && seenAt === undefined) await node.alerts.acknowledge({ id })
    }
    // Every second result, so that there are others that nobody looks at.
    const { artifacts } = await node.jobs.results.artifacts.list({ review: 'unreviewed' }, 5_000)
    const others = artifacts.filter(({ run }) => run !== report && run !== letter)
    for (const [nth, { run }] of others.entries()) {
      if (nth % 2 === 0) await node.jobs.results.review(run, { verdict: 'accepted' }, OWNER_NAME)
    }
    const taken = (await node.jobs.feeds.open('inbox')).items.filter((one) => one.item !== item)
    const names = new Set(taken.map(({ name }) => name))
    for (const name of await readdir(inbox)) if (names.has(name)) await rm(join(inbox, name))
    await this.#home.quiet()
  }

  #prompt(): string {
    return `${this.#next()} ${randomBytes(PROMPT_BYTES / 2).toString('hex')}`
  }

  #next(): number {
    return ++this.#count
  }

  /** How often something that is done `perDay` times a day is done in this step. */
  #due(perDay: number): number {
    const at = (step: number): number => Math.floor((perDay * step) / STEPS)
    return at(this.#step + 1) - at(this.#step)
  }

  async #repeat(perDay: number, work: () => Promise<unknown>): Promise<void> {
    for (let left = this.#due(perDay); left > 0; left--) await work()
  }

  #times(perDay: number, work: () => void): void {
    for (let left = this.#due(perDay); left > 0; left--) work()
  }
}

function fail(err: unknown): never {
  throw err
}
