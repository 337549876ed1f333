import { parse, stringify } from 'yaml'
import type { Document } from 'yaml'
import { EditedFile } from '../store/edited-file.ts'
import { assertKnown, configSchema, readLayers, SETTINGS } from './config.ts'
import type { ConfigLayers } from './config.ts'
import { envNameOf, isHot, valueAt } from './config-keys.ts'
import type { SettingReport } from './control/routes/node.ts'
import type { Home } from './home.ts'

/** Every setting of a home as a node that starts now would take it. @throws {KithError} as `readConfig` */
export async function listSettings(
  home: Pick<Home, 'config'>,
  env: NodeJS.ProcessEnv,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<SettingReport[]> {
  const layers = await readLayers(home.config, env, flags)
  return SETTINGS.map((key) => settingOf(layers, key))
}

/** Those of `settings` at or below this key. @throws {KithError} `usage` for a key that there is none of */
export function below(settings: readonly SettingReport[], key: string): SettingReport[] {
  assertKnown(key)
  return settings.filter((setting) => setting.key === key || setting.key.startsWith(`${key}.`))
}

/**
 * Sets a key in config.yaml to `text`, read as YAML, or takes it out. Comments and order stay. Gives how it then stands.
 *
 * @throws {KithError} `usage` for an unknown key or an unfit value, and nothing is changed; as `EditedFile.edit`
 */
export async function editSetting(
  home: Home,
  env: NodeJS.ProcessEnv,
  key: string,
  text: string | undefined,
): Promise<SettingReport> {
  assertKnown(key)
  const path = key.split('.')
  const file = new EditedFile({ path: home.config, schema: configSchema, blank: 'version: 1\n' })
  await file.edit((document) => {
    // A key of a section that the file has not is no fault: it is out already.
    if (text === undefined && document.hasIn(path)) document.deleteIn(path)
    else if (text !== undefined) setIn(document, path, valueOf(text))
  })
  return settingOf(await readLayers(home.config, env, {}), key)
}

function settingOf(layers: ConfigLayers, key: string): SettingReport {
  const value = valueAt(layers.config, key)
  const reload = isHot(key) ? 'hot' : 'restart'
  const shown = { key, ...(value === undefined ? {} : { value }) }
  if (layers.flags.has(key)) return { ...shown, source: 'flag', reload }
  if (layers.env.has(key)) return { ...shown, source: 'env', name: envNameOf(key), reload }
  const inFile = valueAt(layers.file, key) !== undefined
  return { ...shown, source: inFile ? 'file' : 'default', reload }
}

/** A plain value takes the place of a plain one, so that the comment beside it stays. */
function setIn(document: Document, path: readonly string[], value: unknown): void {
  const isPlain = typeof value !== 'object' || value === null
  document.setIn(path, isPlain ? value : document.createNode(value))
}

/** `true`, `5` and `[a, b]` are what they are in the file; what is no YAML is text. */
function valueOf(text: string): unknown {
  try {
    return parse(text) as unknown
  } catch {
    return text
  }
}

/** A value as config.yaml would have it, on one line. */
export function settingText(value: unknown): string {
  if (value === undefined) return '–'
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()
}
