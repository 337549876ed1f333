import { KithError } from '../protocol/errors.ts'
import type { Preset } from './ports.ts'

/** What a tool does to the node's own things. */
export type ToolClass = 'read' | 'write'

/** Each preset covers what those before it cover. */
const PRESETS: readonly Preset[] = ['none', 'read-only', 'write', 'full']

const PRESET_NEEDED: Readonly<Record<ToolClass, Preset>> = { read: 'read-only', write: 'write' }

export function isPreset(preset: Preset): boolean {
  return PRESETS.includes(preset)
}

/**
 * Whether an ask with `preset` may use a tool of `toolClass`.
 *
 * @throws {KithError} `denied` with rule `preset` for a preset that there is not.
 */
export function presetAllows(preset: Preset, toolClass: ToolClass): boolean {
  if (!isPreset(preset)) {
    throw new KithError('denied', `there is no preset ${JSON.stringify(preset)}`, {
      rule: 'preset',
    })
  }
  return PRESETS.indexOf(preset) >= PRESETS.indexOf(PRESET_NEEDED[toolClass])
}
