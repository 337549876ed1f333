import { z } from 'zod'
import { KithError } from '../protocol/errors.ts'
import { LOBBY_PER_ADDRESS_PER_MINUTE, LOBBY_PER_MINUTE } from '../protocol/limits.ts'
import { nearest, strictMap } from '../protocol/strict-map.ts'
import { readPrivateFile } from '../store/atomic-file.ts'
import { parseYaml } from '../store/yaml-file.ts'
import { agentSchema, atLeastOne, atLeastZero, list } from './agent-config.ts'
import { backupSchema } from './backup/backup-config.ts'
import { schedulerSchema } from './scheduler/scheduler-config.ts'

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'silent'] as const

export const configSchema = strictMap({
  version: z.literal(1).default(1),
  /** What the owner calls this node; never on the wire. */
  name: z.exactOptional(z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
  /** Multiaddrs to listen on. */
  listen: list.default(['/ip4/0.0.0.0/tcp/7423', '/ip6/::/tcp/7423']),
  /** Multiaddrs to show to others instead of those of this machine's interfaces. */
  announce: list.default([]),
  log: strictMap({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
  agent: agentSchema.prefault({}),
  scheduler: schedulerSchema.prefault({}),
  backup: backupSchema.prefault({}),
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

/** Names in the environment that are no config keys; the programs of jobs have the last five. */
const OTHER_NAMES = [
  'KITH_HOME',
  'KITH_PROFILE',
  'KITH_PASSPHRASE_FILE',
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
  const content = await readPrivateFile(path)
  const text = content === undefined ? '' : Buffer.from(content).toString()
  // A file of comments alone is a document of nothing.
  const file = parseYaml(path, text, z.record(z.string(), z.unknown()).nullable()).value
  // Checked alone first, so that a fault of the file is shown with its line.
  if (file !== null) parseYaml(path, text, configSchema)
  const layers = [
    ...fromEnv(env),
    ...Object.entries(flags).map(([key, value]) => [key, value] as const),
  ]
  const merged: Record<string, unknown> = { ...file }
  for (const [key, value] of layers) if (value !== undefined) setPath(merged, key, value)
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
  const known = new Map(keys.map((key) => [nameOf(key), key]))
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

/** `agent.parallel` and the like: every leaf of the schema that is `wanted`. */
function keysOf(schema: z.ZodObject, wanted: (leaf: unknown) => boolean): string[] {
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const inner: unknown = value instanceof z.ZodPrefault ? value.unwrap() : value
    if (inner instanceof z.ZodObject) return keysOf(inner, wanted).map((rest) => `${key}.${rest}`)
    return wanted(inner) ? [key] : []
  })
}

/** False for lists and maps of things that have keys of their own: those are for the file. */
function isOfText(leaf: unknown): boolean {
  const inner = leaf instanceof z.ZodDefault ? leaf.unwrap() : leaf
  return !(inner instanceof z.ZodArray || inner instanceof z.ZodRecord)
}

function nameOf(key: string): string {
  return `KITH_${key.replaceAll('.', '_').toUpperCase()}`
}

function setPath(target: Record<string, unknown>, key: string, value: unknown): void {
  const [first = '', ...rest] = key.split('.')
  if (rest.length === 0) {
    target[first] = value
    return
  }
  const inner = (target[first] ?? {}) as Record<string, unknown>
  target[first] = inner
  setPath(inner, rest.join('.'), value)
}
