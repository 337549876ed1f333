import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { strictMap } from '../../../protocol/strict-map.ts'
import { list } from '../../agent-config.ts'
import { secretReference } from '../job-result.ts'

/** On this machine, nobody else reads along. */
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

const filePath = z.string().refine(isAbsolute, 'not an absolute path')

/** The servers of NATS that keep the jobs of several nodes. */
export const natsSchema = strictMap({
  /** `tls://HOST:PORT`, or `nats://127.0.0.1:PORT`: one of them is used, the next when it is away. */
  servers: list.default([]).superRefine((servers, context) => {
    for (const [index, server] of servers.entries()) {
      const message = serverFault(server)
      if (message !== undefined) context.addIssue({ code: 'custom', path: [index], message })
    }
    if (new Set(servers.map((server) => server.startsWith('tls://'))).size <= 1) return
    context.addIssue({ code: 'custom', message: 'either all with tls:// or none' })
  }),
  /** How the names of all that is kept there begin: nodes with the same share their jobs. */
  prefix: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'say 1 to 32 of a-z, 0-9 and -')
    .default('kith'),
  /** Servers of a cluster that keep each record: 1, 3 or 5. */
  replicas: z
    .preprocess(
      (value) => (typeof value === 'string' ? Number(value) : value),
      z.literal([1, 3, 5]),
    )
    .default(1),
  /** Where the login is: a .creds file, the seed of an nkey, `USER:PASSWORD`, or a token. */
  credentials: z.exactOptional(secretReference),
  tls: strictMap({
    /** Certificate that signs those of the servers. @default those that Node trusts */
    ca: z.exactOptional(filePath),
    /** Certificate of this node, where the servers want one, and its key. */
    cert: z.exactOptional(filePath),
    key: z.exactOptional(filePath),
  }).prefault({}),
})

export type NatsConfig = z.infer<typeof natsSchema>

/** Why nothing can be shared by this, or undefined. */
export function natsFault({ servers, tls }: NatsConfig): string | undefined {
  if (servers.length === 0) return 'engine: nats needs one server at least'
  const both = (tls.cert === undefined) === (tls.key === undefined)
  return both ? undefined : 'tls.cert and tls.key go together'
}

/**
 * Why this is no server, or undefined. Who writes the job list decides what these nodes run: it goes over no network
 * in the clear.
 */
function serverFault(server: string): string | undefined {
  const url = URL.parse(server)
  if (url === null || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    return 'say tls://HOST:PORT, or nats://127.0.0.1:PORT'
  }
  if (url.username !== '' || url.password !== '') return 'the login goes to credentials'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  // The client checks a certificate by the name alone, and without one by that of this machine.
  if (url.protocol === 'tls:' && isIP(host) !== 0)
    return 'certificates are of a name: say tls://NAME'
  if (url.protocol === 'tls:' || LOOPBACK.includes(host)) return undefined
  return 'a server on another machine needs tls://'
}
