import type { Logger } from 'pino'
import { Agent } from '../../agent/agent.ts'
import { leftOf, scopesOf } from '../../agent/budget.ts'
import type { NodeCaps } from '../../agent/budget.ts'
import { Memory } from '../../agent/memory.ts'
import type {
  Budget,
  EngineAsk,
  EngineEvent,
  NodeFacts,
  Parked,
  SpendLimit,
} from '../../agent/ports.ts'
import { Presets } from '../../agent/presets.ts'
import type { McpTools } from '../../agent/mcp/mcp-tools.ts'
import { SecretScan } from '../../agent/secret-scan.ts'
import type { KnownSecret } from '../../agent/secret-shapes.ts'
import { ToolGuard } from '../../agent/tool-guard.ts'
import { Toolbox } from '../../agent/toolbox.ts'
import { Workspace } from '../../agent/workspace.ts'
import type { Alerts } from '../alerts.ts'
import type { AskRecord, AskStore } from '../asks/ask-store.ts'
import type { Asker } from '../asks/asker.ts'
import type { Config } from '../config.ts'
import type { Home } from '../home.ts'
import type { Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import type { Surroundings } from '../surroundings.ts'
import { hostZone } from '../zone.ts'
import { Approvals } from './approvals.ts'
import { askerDayOf } from './asker-day.ts'
import type { Breakers } from './breakers.ts'
import { alertOnBudget } from './budget-alerts.ts'
import { cleanSessions } from './clean-sessions.ts'
import type { EngineParts, RunningEngine } from './engines.ts'
import { Ledger } from './ledger.ts'
import { createMcpTools } from './mcp-tools.ts'
import { capsOf } from './node-caps.ts'
import { ownKey } from './own-secrets.ts'
import { AgentPeers } from './peer-caller.ts'
import { providerKeys } from './provider-keys.ts'
import { RunLog } from './run-log.ts'
import { SessionStore } from './sessions.ts'
import { Spending } from './spending.ts'
import { noteOf } from './tool-note.ts'

const HOUR_MS = 3_600_000

export interface AgentHostComponents extends Pick<
  Surroundings,
  'clock' | 'database' | 'engine' | 'lines' | 'random' | 'randomBytes'
> {
  alerts: Alerts
  breakers: Breakers
  pins: Pick<Pins, 'byId' | 'byName'>
  self: Self
  store: Pick<AskStore, 'get'>
  facts: NodeFacts
  incidentId: () => string
  /** What asks peers on behalf of asks: built after the agent. */
  asker: () => Pick<Asker, 'ask' | 'cancel'>
  log: Logger
}

export interface AgentHostInit {
  config: Config['agent']
  home: Home
}

/** What is there once the host has started. */
interface Started {
  agent: Agent
  engine: RunningEngine
  ledger: Ledger
  spending: Spending
  mcp: McpTools
}

/** The agent of a node with all that is around it: money, breakers, sessions, approvals, tools and logs. */
export class AgentHost {
  readonly approvals: Approvals
  readonly breakers: Breakers
  readonly sessions: SessionStore
  readonly memory: Memory
  readonly #components: AgentHostComponents
  readonly #init: AgentHostInit
  readonly #presets: Presets
  readonly #runs: RunLog
  readonly #secrets: SecretScan
  #known: readonly KnownSecret[] = []
  #started: Started | undefined
  #cancelTidying: () => void = () => undefined

  constructor(components: AgentHostComponents, init: AgentHostInit) {
    const { clock, database, lines, log, self, store } = components
    const { config, home } = init
    this.#components = components
    this.#init = init
    this.breakers = components.breakers
    this.memory = new Memory(home.memory)
    this.#presets = new Presets({ named: config.presets, deny: config.tools.deny })
    this.#secrets = new SecretScan(() => [...this.#known, ...ownKey(self)])
    const { redacted } = this
    const approvalLog = lines('approval.log')
    this.approvals = new Approvals(
      {
        ...{ ...components, redacted },
        isOver: (asker, ask) => store.get('in', asker, ask)?.finalAt !== undefined,
        write: (line) => {
          approvalLog.write(line)
        },
      },
      { ownId: self.id, timeoutMs: config.approvals.timeout_seconds * 1_000 },
    )
    const compactions = lines('compaction.log')
    this.sessions = new SessionStore({
      database,
      clock,
      onCompacted: (session, record) => {
        compactions.write(JSON.stringify({ ...session, ...record }))
      },
    })
    this.#runs = new RunLog({
      ...{ clock, secrets: this.#secrets, turns: lines('agent.log'), runs: lines('runs.log') },
      onFault: (err) => {
        log.error({ err }, 'a log cannot be written')
      },
    })
  }

  /** `text` without the secrets of this node. */
  readonly redacted = (text: string): string => this.#secrets.redacted(text)

  /** Name of the engine that answers. */
  get name(): string {
    return this.#init.config.engine
  }

  /** Absent where the engine has none. */
  get models(): RunningEngine['models'] {
    return this.#running.engine.models
  }

  get ledger(): Ledger {
    return this.#running.ledger
  }

  get spending(): Spending {
    return this.#running.spending
  }

  /** The tools of MCP servers. */
  get mcp(): McpTools {
    return this.#running.mcp
  }

  /** @throws {KithError} `usage` for an engine that lacks a setting, or a key that is not where it should be */
  async start(): Promise<void> {
    const { alerts, clock, database, log, pins, self } = this.#components
    const { config, home } = this.#init
    const keys = await providerKeys(config.providers)
    const parts = { ...this.#components, redacted: this.redacted }
    const { mcp, serverKeys } = await createMcpTools(parts, config.mcp, home.workspace)
    const secrets = [...keys.values(), ...serverKeys]
    this.#known = secrets.map((key) => ({ kind: 'provider key', value: key.reveal() }))
    const caps = capsOf(config.budget)
    const askerDay = askerDayOf(pins, self.id)
    const nameOf = (id: string): string => pins.byId(id)?.pin.name ?? id
    const ledger = await Ledger.open(
      {
        ...{ database, clock, askerDay, zone: hostZone },
        onThreshold: (threshold) => {
          alertOnBudget({ alerts, nameOf }, threshold)
        },
      },
      caps,
    )
    await ledger.recover()
    const spending = new Spending({ database, ledger, clock, askerDay, zone: hostZone }, caps)
    await this.approvals.start()
    const engine = await this.#components.engine(this.#partsOf({ caps, keys, ledger }))
    this.#started = { agent: this.#agentOf(engine), engine, ledger, spending, mcp }
    await mcp.start()
    this.#cancelTidying = clock.every(HOUR_MS, () => {
      spending.prune().catch((err: unknown) => {
        log.error({ err }, 'old cost records could not be pruned')
      })
      this.sessions.prune().catch((err: unknown) => {
        log.error({ err }, 'old sessions could not be pruned')
      })
    })
  }

  async stop(): Promise<void> {
    this.#cancelTidying()
    this.approvals.stop()
    await this.#started?.engine.stop()
    await this.#started?.mcp.stop()
  }

  /** Withdraws approvals of asks that have ended, and forgets what was allowed to those who are no longer pinned. */
  async review(): Promise<void> {
    const { pins, self } = this.#components
    this.approvals.review()
    await this.approvals.answers.forgetIf(
      ({ asker }) => asker.id !== self.id && pins.byId(asker.id) === undefined,
    )
  }

  /** The events of one ask, and its lines in the logs. */
  async *run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    for await (const event of this.#runs.follow(this.#running.agent, ask, signal)) {
      const goesOn = event.kind === 'failed' && event.code === 'interrupted'
      if (event.kind === 'done' || (event.kind === 'failed' && !goesOn)) this.approvals.ended(ask)
      yield event
    }
  }

  /** With what an ask that waits for a person can go on in another process. */
  async parked(record: AskRecord): Promise<Parked | undefined> {
    return await this.approvals.parked(record)
  }

  get #running(): Started {
    if (this.#started === undefined) throw new TypeError('the agent has not started')
    return this.#started
  }

  #agentOf({ engine }: RunningEngine): Agent {
    const { clock, incidentId, log } = this.#components
    return new Agent({
      ...{ engine, incidentId, presets: this.#presets, secrets: this.#secrets },
      after: (ms, run) => clock.after(ms, run),
      onIncident: (incident) => {
        log.error(
          { incident: incident.id, ask: incident.ask, err: incident.cause },
          'engine failed',
        )
      },
      onRedacted: (ask, counts) => {
        log.warn({ ask, ...counts }, 'secrets taken out of an answer')
      },
    })
  }

  #partsOf(made: { caps: NodeCaps; keys: EngineParts['keys']; ledger: Ledger }): EngineParts {
    const { caps, keys, ledger } = made
    const { breakers, clock, facts, incidentId, log, random, self } = this.#components
    const { config, home } = this.#init
    const workspace = new Workspace(home.workspace)
    const guard = new ToolGuard({ presets: this.#presets, approvals: this.approvals })
    const budget = this.#runs.counting(ledger)
    const { redacted } = this
    return {
      ...{ breakers, budget, clock, facts, guard, incidentId, keys, random, workspace },
      ...{ memory: this.memory, onProgram: this.#runs.noteProgram, ownId: self.id, redacted },
      sessions: cleanSessions(this.sessions, redacted),
      onFault: (report) => {
        log.warn(report, 'a model failed')
      },
      toolbox: async () => {
        const peers = this.#peersOf(budget, ledger, caps)
        const parts = { facts, memory: this.memory, peers, presets: this.#presets, workspace }
        const { createTools } = await import('./tools.ts')
        const tools = await createTools(config, parts, home.workspace)
        return new Toolbox(
          {
            guard,
            onCall: (record) => {
              if (record.cause === undefined) return
              log.info(noteOf(record, redacted), 'a tool did not do it')
            },
          },
          tools,
          () => this.mcp.list(),
        )
      },
    }
  }

  #peersOf(budget: Budget, ledger: Ledger, caps: NodeCaps): AgentPeers {
    const { asker, clock, pins, randomBytes, self } = this.#components
    const left = (ask: EngineAsk): SpendLimit | undefined => {
      if (ask.budget === undefined) return undefined
      const [own] = scopesOf(ask, { ...caps, askerDay: {} }, clock.now(), hostZone())
      return own === undefined ? undefined : leftOf(ledger.standing(own))
    }
    return new AgentPeers({
      ...{ budget, clock, left, pins, randomBytes, ownId: self.id },
      asker: {
        ask: async (...ask) => await asker().ask(...ask),
        cancel: async (record) => {
          await asker().cancel(record)
        },
      },
    })
  }
}
