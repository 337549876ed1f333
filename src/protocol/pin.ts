import { multiaddr, type Component } from '@multiformats/multiaddr'
import { z } from 'zod'
import { MAX_ASK_SECONDS, MAX_CHAIN } from './limits.ts'
import { isNodeId } from './node-id.ts'
import { parsePublicKey, peerIdOf } from './peer-id.ts'
import { strictMap } from './strict-map.ts'

/** Every right that `allow` can give. */
export const GRANT_NAMES = [
  'ping',
  'ask',
  'status',
  'audit',
  'approve',
  'job.run',
  'key.rotate',
] as const
export type GrantName = (typeof GRANT_NAMES)[number]

/** Classes of tools that can be made to wait for a person. */
export const APPROVAL_CLASSES = ['read', 'write', 'exec', 'network', 'spend'] as const
export type ApprovalClass = (typeof APPROVAL_CLASSES)[number]

/** How two people made sure that the pin is the node they mean. */
export const CONFIRMATIONS = ['words', 'link', 'paste'] as const
export type Confirmation = (typeof CONFIRMATIONS)[number]

/** Hours of the day in which asks are taken; `toMinute` is the first that is too late. */
export interface AskHours {
  /** Minutes since midnight in `zone`. Later than `toMinute` when the hours go over midnight. */
  fromMinute: number
  toMinute: number
  /** IANA name of a time zone. */
  zone: string
}

/** The limits of the right to ask. */
export interface AskGrant {
  /** Which tools this peer's asks may reach. @default 'none' */
  preset: string
  /** Asks taken in a minute. @default 30 */
  perMinute: number
  /** Asks that run at once. @default 2 */
  parallel: number
  /** Asks that wait behind them. @default 8 */
  queue: number
  /** Nodes that an ask may have come through before this peer: 0, it asks for itself alone. @default 0 */
  depth: number
  /** US dollars a day. @default no limit of its own */
  dailyUsd?: number
  /** Tokens a day. @default no limit of its own */
  dailyTokens?: number
  /** Bytes a day that asks and their answers may take on disk. @default 67_108_864 */
  dailyBytes: number
  /** Longest time for one ask, in seconds. @default 600 */
  maxSeconds: number
  /** @default at any hour */
  hours?: AskHours
  /** Classes of tools that wait for a person. @default none */
  approve: ApprovalClass[]
  /** First moment at which asks are no longer taken, in ms since the epoch. @default never */
  untilAt?: number
}

/** Our record that a node is trusted, as peers.yaml has it. It has an id or a key, not both. */
export interface Pin {
  /** Ours alone, never on the wire. */
  name: string
  /** Node id, `kith1…`. */
  id?: string
  /** Peer id, `12D3KooW…`, of a node whose id we learn at first contact. */
  key?: string
  /** Multiaddrs. */
  addresses: string[]
  allow: GrantName[]
  /** Calls of any verb taken in a minute. @default 6000 */
  callsPerMinute: number
  ask: AskGrant
  confirmed?: Confirmation
}

const count = z.int().nonnegative()
const atLeastOne = z.int().positive()

/** A name as the owner of a node gives it to a peer. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a name is 1 to 64 of a-z, 0-9 and -, and begins with no -')
  .refine((name) => name !== 'self', 'self is the name of this node')
  .refine((name) => !name.startsWith('kith1'), 'kith1 is how an id begins, and no name does')

export const idSchema = z
  .string()
  .refine(isNodeId, 'no node id: kith1 and 52 characters of a-z and 2-7')

/** A key in any of its forms; out comes the peer id. */
export const keySchema = z.string().transform((text, context) => {
  try {
    return peerIdOf(parsePublicKey(text))
  } catch (err) {
    context.addIssue({ code: 'custom', message: err instanceof Error ? err.message : 'no key' })
    return z.NEVER
  }
})

/** A multiaddr that a peer can be dialled at. */
export const addressSchema = z.string().superRefine((text, context) => {
  const message = addressFault(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const hoursSchema = z.string().transform((text, context) => {
  const hours = parseHours(text)
  if (hours !== undefined) return hours
  context.addIssue({ code: 'custom', message: 'not of the form "07-22 Europe/Madrid"' })
  return z.NEVER
})

const untilSchema = z.union(
  [
    z.iso.date().transform((date) => Date.parse(date) + DAY_MS),
    z.iso.datetime({ offset: true }).transform((time) => Date.parse(time)),
  ],
  'no date (2027-06-30) and no time with a zone (2027-06-30T18:00:00Z)',
)

/** 64 MiB: of the longest texts, 255 a day. */
const DAILY_BYTES = 67_108_864

const askSchema = strictMap({
  preset: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'a preset is a lower-case word')
    .default('none'),
  per_minute: atLeastOne.default(30),
  parallel: atLeastOne.default(2),
  queue: count.default(8),
  depth: count.max(MAX_CHAIN - 1).default(0),
  daily_usd: z.exactOptional(z.number().nonnegative()),
  daily_tokens: z.exactOptional(count),
  daily_bytes: count.default(DAILY_BYTES),
  max_seconds: atLeastOne.max(MAX_ASK_SECONDS).default(600),
  hours: z.exactOptional(hoursSchema),
  approve: distinct(z.enum(APPROVAL_CLASSES)),
  until: z.exactOptional(untilSchema),
}).transform(
  ({
    per_minute,
    daily_bytes,
    daily_usd,
    daily_tokens,
    max_seconds,
    until,
    ...same
  }): AskGrant => ({
    ...same,
    perMinute: per_minute,
    dailyBytes: daily_bytes,
    maxSeconds: max_seconds,
    ...(daily_usd === undefined ? {} : { dailyUsd: daily_usd }),
    ...(daily_tokens === undefined ? {} : { dailyTokens: daily_tokens }),
    ...(until === undefined ? {} : { untilAt: until }),
  }),
)

const peerSchema = strictMap({
  name: nameSchema,
  id: z.exactOptional(idSchema),
  key: z.exactOptional(keySchema),
  addresses: distinct(addressSchema),
  allow: distinct(z.enum(GRANT_NAMES)),
  calls_per_minute: atLeastOne.default(6_000),
  ask: askSchema.prefault({}),
  confirmed: z.exactOptional(z.enum(CONFIRMATIONS)),
})
  .refine(({ id, key }) => (id === undefined) !== (key === undefined), 'needs either id or key')
  .transform(({ calls_per_minute, ...same }): Pin => ({
    ...same,
    callsPerMinute: calls_per_minute,
  }))

/** The content of peers.yaml; out come its pins, every default filled in. */
export const peersSchema = strictMap({
  version: z.literal(1, 'this kith knows version 1: a later one wrote this file'),
  peers: z.array(peerSchema),
})
  .superRefine(({ peers }, context) => {
    for (const field of ['name', 'id', 'key'] as const) {
      const first = new Map<string, string>()
      for (const [index, pin] of peers.entries()) {
        const value = pin[field]
        if (value === undefined) continue
        const holder = first.get(value)
        if (holder === undefined) first.set(value, pin.name)
        else
          context.addIssue({
            code: 'custom',
            path: ['peers', index, field],
            message: `taken: ${holder} has it`,
          })
      }
    }
  })
  .transform(({ peers }) => peers)

/** One peer as it stands in peers.yaml. */
export type PeerRow = z.input<typeof peerSchema>

const DAY_MS = 86_400_000

/** A list without repetition, empty when it is left out. */
function distinct<T extends z.ZodType<string>>(item: T) {
  return z
    .array(item)
    .refine((items) => new Set(items).size === items.length, 'something is there twice')
    .default([])
}

const HOST_PROTOCOLS = ['ip4', 'ip6', 'dns', 'dns4', 'dns6']

/** What is wrong with `text` as the address of a peer, or undefined. */
function addressFault(text: string): string | undefined {
  // Some addresses come from peers, and are shown.
  if (!/^[\x21-\x7e]+$/.test(text)) return 'an address has only ASCII, and no spaces'
  let components: Component[]
  try {
    components = multiaddr(text).getComponents()
  } catch (err) {
    return `no multiaddr: ${err instanceof Error ? err.message : 'unknown'}`
  }
  if (components.some(({ name }) => name === 'p2p')) {
    return 'leave /p2p/… out: the key log says which key is behind an address'
  }
  const [host, port, ...rest] = components.filter(({ name }) => name !== 'ip6zone')
  const zones = components.filter(({ name }) => name === 'ip6zone')
  if (zones.some(({ value = '' }) => !/^[\w.-]+$/.test(value))) return 'no name of an interface'
  if (host?.name === 'unix' && port === undefined) {
    return /[\x00-\x1f\x7f-\uffff]/.test(host.value ?? '') ? 'no path of a socket' : undefined
  }
  const dialled =
    HOST_PROTOCOLS.includes(host?.name ?? '') &&
    /^[\w.:-]+$/.test(host?.value ?? '') &&
    port?.name === 'tcp' &&
    rest.length === 0
  return dialled ? undefined : 'not dialled: an address is /ip4, /ip6 or /dns… with /tcp, or /unix'
}

function parseHours(text: string): AskHours | undefined {
  const match = /^([01]\d|2[0-4])(?::([0-5]\d))?-([01]\d|2[0-4])(?::([0-5]\d))? (\S+)$/.exec(text)
  if (match === null) return undefined
  const [, fromHour, fromMinutes = 0, toHour, toMinutes = 0, zone = ''] = match
  const fromMinute = Number(fromHour) * 60 + Number(fromMinutes)
  const toMinute = Number(toHour) * 60 + Number(toMinutes)
  if (fromMinute >= 1440 || toMinute > 1440 || fromMinute === toMinute) return undefined
  return isZone(zone) ? { fromMinute, toMinute, zone } : undefined
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
