import { z } from 'zod'
import { KithError } from '../protocol/errors.ts'
import { LOBBY_PER_ADDRESS_PER_MINUTE, LOBBY_PER_MINUTE } from '../protocol/limits.ts'
import { nearest } from '../protocol/nearest.ts'
import { strictMap } from '../protocol/strict-map.ts'
import { readPrivateFile } from '../store/atomic-file.ts'
import { parseYaml } from '../store/yaml-file.ts'
import { agentSchema, atLeastOne, atLeastZero, list } from './agent-config.ts'
import { auditSchema } from './audit/audit-config.ts'
import { backupSchema } from './backup/backup-config.ts'
import { httpSchema } from './http/http-config.ts'
import { alertsSchema, fleetSchema } from './fleet/fleet-config.ts'
import { envNameOf, keysOf, setValueAt, unknownKey } from './config-keys.ts'
import { schedulerSchema } from './scheduler/scheduler-config.ts'

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'silent'] as const

export const configSchema = strictMap({
  version: z.literal(1, 'this kith knows version 1: a later one wrote this file').default(1),
  /** What the owner calls this node; never on the wire. */
  name: z.exactOptional(z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
  /** Multiaddrs to listen on. */
  listen: list.default(['/ip4/0.0.0.0/tcp/7423', '/ip6/::/tcp/7423']),
  /** Multiaddrs to show to others instead of those of this machine's interfaces. */
  announce: list.default([]),
  log: strictMap({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
  agent: agentSchema.prefault({}),
  scheduler: schedulerSchema.prefault({}),
  fleet: fleetSchema.prefault({}),
  alerts: alertsSchema.prefault({}),
  backup: backupSchema.prefault({}),
  http: httpSchema.prefault({}),
  audit: auditSchema.prefault({}),
  lobby: strictMap({
    /** `auto`: open while somebody is pinned, who may come with another key, or an invite can be redeemed. */
    mode: z.enum(['auto', 'off']).default('auto'),
    /** Strangers let in a minute, in all and of one address. */
    per_minute: atLeastOne.default(LOBBY_PER_MINUTE),
    per_address_per_minute: atLeastOne.default(LOBBY_PER_ADDRESS_PER_MINUTE),
  }).prefault({}),
  stop: strictMap({
    /** Seconds that asks under way have to end when the node stops. */
    drain_seconds: atLeastZero.default(10),
  }).prefault({}),
})

export type Config = z.infer<typeof configSchema>

/** Every key that a person can set, by dots: `agent.parallel`. */
export const SETTINGS: readonly string[] = keysOf(configSchema)

/** Names in the environment that are no config keys; programs have those from KITH_PROGRAM on. */
const OTHER_NAMES = [
  'KITH_HOME',
  'KITH_PROFILE',
  'KITH_PASSPHRASE_FILE',
  'KITH_PROGRAM',
  'KITH_ASK_ID',
  'KITH_ASKER',
  'KITH_SESSION',
  'KITH_JOB',
  'KITH_RUN',
  'KITH_ATTEMPT',
  'KITH_ITEM',
  'KITH_ITEM_NAME',
]

/**
 * The configuration: defaults, then the file at `path`, then `KITH_…` of the environment, then `flags`, each over
 * the one before.
 *
 * @throws {KithError} `invalid-file` with line and column, `usage` for an unknown or unfit `KITH_…` or flag
 */
export async function readConfig(
  path: string,
  env: NodeJS.ProcessEnv,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<Config> {
  return (await readLayers(path, env, flags)).config
}

/** The configuration, and what each layer says: the file as it stands there, the others by key. */
export interface ConfigLayers {
  config: Config
  file: Record<string, unknown>
  env: Map<string, unknown>
  flags: Map<string, unknown>
}

/** The same, with what it comes from. @throws {KithError} as `readConfig` */
export async function readLayers(
  path: string,
  env: NodeJS.ProcessEnv,
  flags: Readonly<Record<string, unknown>>,
): Promise<ConfigLayers> {
  const content = await readPrivateFile(path)
  const text = content === undefined ? '' : Buffer.from(content).toString()
  // A file of comments alone is a document of nothing.
  const file = parseYaml(path, text, z.record(z.string(), z.unknown()).nullable()).value ?? {}
  // Checked alone first, so that a fault of the file is shown with its line.
  if (Object.keys(file).length > 0) parseYaml(path, text, configSchema)
  const layers = {
    env: new Map<string, unknown>(fromEnv(env)),
    flags: new Map(Object.entries(flags).filter(([, value]) => value !== undefined)),
  }
  const merged = structuredClone(file)
  for (const key of layers.flags.keys()) assertKnown(key)
  for (const layer of [layers.env, layers.flags]) {
    for (const [key, value] of layer) setValueAt(merged, key, value)
  }
  return { config: parseMerged(merged), file, ...layers }
}

/** @throws {KithError} `usage` for a key that there is none of, with the one that was probably meant */
export function assertKnown(key: string): void {
  if (!SETTINGS.some((known) => known === key || known.startsWith(`${key}.`))) {
    throw unknownKey(key, SETTINGS)
  }
}

function parseMerged(merged: unknown): Config {
  const parsed = configSchema.safeParse(merged)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue?.path.join('.') ?? ''
  throw new KithError('usage', `${where}: ${issue?.message ?? 'unfit'}`, { what: where })
}

/** The settings in the environment: `KITH_AGENT_PARALLEL` is `agent.parallel`. @throws {KithError} `usage` */
function fromEnv(env: NodeJS.ProcessEnv): [string, string][] {
  // The version is of the file, and says nothing of the environment.
  const keys = keysOf(configSchema, isOfText).filter((key) => key !== 'version')
  const known = new Map(keys.map((key) => [envNameOf(key), key]))
  const settings: [string, string][] = []
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('KITH_') || value === undefined || OTHER_NAMES.includes(name)) continue
    const key = known.get(name)
    if (key === undefined) throw unknownName(name, [...known.keys(), ...OTHER_NAMES])
    settings.push([key, value])
  }
  return settings
}

function unknownName(name: string, known: readonly string[]): KithError<'usage'> {
  const near = nearest(name, known)
  return new KithError(
    'usage',
    `unknown setting ${name} in the environment`,
    { what: name },
    {
      hint: near === undefined ? `unset ${name}` : `did you mean ${near}?`,
    },
  )
}

/** False for lists and maps of things that have keys of their own: those are for the file. */
function isOfText(leaf: unknown): boolean {
  const inner = leaf instanceof z.ZodDefault ? leaf.unwrap() : leaf
  return !(inner instanceof z.ZodArray || inner instanceof z.ZodRecord)
}
