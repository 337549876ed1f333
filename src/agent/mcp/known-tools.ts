import { hashOf, offeredTool } from './offered-tool.ts'
import type { ListedTool, OfferedTool } from './offered-tool.ts'

/** Most tools of one server that are looked at. */
export const MAX_LISTED_TOOLS = 512

/** Keeps what was said of a tool when it was used first, or when the owner took what had become of it. */
export interface ToolMemory {
  get(server: string, tool: string): Promise<OfferedTool | undefined>
  /** On disk when this resolves. */
  put(server: string, tool: string, offered: OfferedTool): Promise<void>
}

/**
 * - `unknown`: its server has not been looked at.
 * - `offered`: it is as it was when it was seen first.
 * - `changed`: it says something else of itself since. It is withheld until the owner takes it.
 * - `missing`: its server has no such tool.
 * - `unfit`: its name or its schema is none that a model could be told.
 */
export type ToolState = 'unknown' | 'offered' | 'changed' | 'missing' | 'unfit'

/** A tool that the owner allows. */
export interface KnownTool {
  tool: string
  state: ToolState
  /** What models are told; of one that is changed, what they were told until then. */
  offered?: OfferedTool
  /** What a changed one says of itself now, and the hash of that. */
  changed?: OfferedTool & { hash: string }
}

export interface KnownToolsInit {
  server: string
  /** Names of the tools that are allowed. */
  allowed: readonly string[]
}

export interface KnownToolsComponents {
  memory: ToolMemory
  /** A tool is withheld from now on, as it is not what it was. Once for each change. */
  onSchemaChange: (server: string, tool: string) => void
}

/**
 * The tools of one server that its owner allows, each trusted as it was seen first: a server that is taken over, or
 * that waits until it is trusted, changes what a model is told of it (a "rug pull").
 */
export class KnownTools {
  readonly #components: KnownToolsComponents
  readonly #init: KnownToolsInit
  readonly #tools: Map<string, KnownTool>
  #others: readonly string[] = []

  constructor(components: KnownToolsComponents, init: KnownToolsInit) {
    this.#components = components
    this.#init = init
    this.#tools = new Map(init.allowed.map((tool) => [tool, { tool, state: 'unknown' }]))
  }

  /** Reads what is remembered: that much can be offered before the server has run. */
  async open(): Promise<void> {
    const { memory } = this.#components
    for (const tool of this.#tools.keys()) {
      const offered = await memory.get(this.#init.server, tool)
      if (offered !== undefined) this.#set({ tool, state: 'offered', offered })
    }
  }

  /** Those that are allowed, in the order of the config. */
  list(): KnownTool[] {
    return [...this.#tools.values()]
  }

  /** Names of what the server has besides: it is not offered. */
  get others(): readonly string[] {
    return this.#others
  }

  state(tool: string): ToolState {
    return this.#tools.get(tool)?.state ?? 'missing'
  }

  /** Compares what the server lists now to what is known. @throws {KithError} `store-failed` */
  async seen(listed: readonly ListedTool[]): Promise<void> {
    const byName = new Map(listed.slice(0, MAX_LISTED_TOOLS).map((tool) => [tool.name, tool]))
    for (const known of this.list()) await this.#compare(known, byName.get(known.tool))
    this.#others = [...byName.keys()].filter((name) => !this.#tools.has(name))
  }

  /**
   * Takes changed tools as they are now, if that is what the owner was shown: each by its hash. Gives those that
   * are offered again.
   *
   * @throws {KithError} `store-failed`
   */
  async accept(hashes: Readonly<Record<string, string>>): Promise<string[]> {
    const taken: string[] = []
    for (const { changed, tool } of this.list()) {
      if (changed === undefined || hashes[tool] !== changed.hash) continue
      const { description, inputSchema } = changed
      await this.#offer(tool, { description, inputSchema })
      taken.push(tool)
    }
    return taken
  }

  async #compare(known: KnownTool, listed: ListedTool | undefined): Promise<void> {
    const { server } = this.#init
    const { offered, tool } = known
    const kept = offered === undefined ? {} : { offered }
    if (listed === undefined) {
      this.#set({ tool, state: 'missing', ...kept })
      return
    }
    const now = offeredTool(server, listed)
    if (now === undefined) {
      this.#set({ tool, state: 'unfit', ...kept })
      if (offered !== undefined && known.state !== 'unfit')
        this.#components.onSchemaChange(server, tool)
      return
    }
    const hash = hashOf(now)
    if (offered === undefined) {
      await this.#offer(tool, now)
    } else if (hash === hashOf(offered)) {
      this.#set({ tool, state: 'offered', offered })
    } else {
      this.#set({ tool, state: 'changed', offered, changed: { ...now, hash } })
      if (known.changed?.hash !== hash) this.#components.onSchemaChange(server, tool)
    }
  }

  async #offer(tool: string, offered: OfferedTool): Promise<void> {
    await this.#components.memory.put(this.#init.server, tool, offered)
    this.#set({ tool, state: 'offered', offered })
  }

  #set(known: KnownTool): void {
    this.#tools.set(known.tool, known)
  }
}
