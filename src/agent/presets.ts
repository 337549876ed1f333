import { KithError } from '../protocol/errors.ts'
import type { Preset } from './ports.ts'

/** What a tool does: reads or changes the node's own things, runs a program, reaches out, costs something. */
export type ToolClass = 'read' | 'write' | 'exec' | 'network' | 'spend'

export type StandardPreset = 'none' | 'read-only' | 'write' | 'full'

/** Each covers what those before it cover. */
const STANDARD: readonly StandardPreset[] = ['none', 'read-only', 'write', 'full']

const LEAST: Readonly<Record<ToolClass, StandardPreset>> = {
  read: 'read-only',
  write: 'write',
  exec: 'full',
  network: 'full',
  spend: 'full',
}

/** A preset of the owner's: a standard one, less some tools. */
export interface NamedPreset {
  like: StandardPreset
  /** Names of tools that it does not cover. */
  without?: readonly string[]
  /** Names of the only tools that it covers. */
  only?: readonly string[]
}

/** By what a preset tells tools apart. */
export interface ToolIdentity {
  name: string
  class: ToolClass
}

export interface PresetsInit {
  /** The owner's presets, by name. @default none */
  named?: Readonly<Record<string, NamedPreset>>
  /** Names of tools that nobody may use here, the owner neither. @default none */
  deny?: readonly string[]
}

/** Which tools the presets of an ask cover: what this node denies, and what one of them lacks, they do not. */
export class Presets {
  readonly #named: ReadonlyMap<string, NamedPreset>
  readonly #deny: ReadonlySet<string>

  constructor({ deny = [], named = {} }: PresetsInit = {}) {
    const standard = STANDARD.map((name): [string, NamedPreset] => [name, { like: name }])
    // The standard ones last: no other can take their names.
    this.#named = new Map([...Object.entries(named), ...standard])
    this.#deny = new Set(deny)
  }

  /** @throws {KithError} `denied` with rule `preset` for a preset that there is not, and for no preset at all */
  assertKnown(presets: readonly Preset[]): void {
    this.#found(presets)
  }

  /**
   * Whether each of `presets` covers `tool`.
   *
   * @throws {KithError} `denied` as `assertKnown`
   */
  allows(presets: readonly Preset[], tool: ToolIdentity): boolean {
    return (
      this.#found(presets).every((preset) => covers(preset, tool)) && !this.#deny.has(tool.name)
    )
  }

  /**
   * The one preset for an ask that is made on behalf of one with `presets`: another node knows the standard ones
   * alone. What one of the owner's own leaves out cannot be said there, so that it goes as `none`.
   *
   * @throws {KithError} `denied` as `assertKnown`
   */
  handedOn(presets: readonly Preset[]): StandardPreset {
    const ranks = this.#found(presets).map(({ like, only, without }) =>
      only === undefined && without === undefined ? STANDARD.indexOf(like) : 0,
    )
    return STANDARD[Math.min(...ranks)] ?? 'none'
  }

  #found(presets: readonly Preset[]): NamedPreset[] {
    if (presets.length === 0) throw denied('an ask without a preset reaches nothing')
    return presets.map((name) => {
      const preset = this.#named.get(name)
      if (preset === undefined) throw denied(`there is no preset ${JSON.stringify(name)}`)
      return preset
    })
  }
}

function covers({ like, only, without = [] }: NamedPreset, tool: ToolIdentity): boolean {
  if (STANDARD.indexOf(like) < STANDARD.indexOf(LEAST[tool.class])) return false
  return !without.includes(tool.name) && only?.includes(tool.name) !== false
}

function denied(message: string): KithError<'denied'> {
  return new KithError('denied', message, { rule: 'preset' })
}
