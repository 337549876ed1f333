// Memory of a server per idle link: `node bench/idle.ts [--only kith,tls] [--json FILE]`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pair } from './run/pair.ts'
import { chosen } from './run/selection.ts'
import { figure, textTable } from './run/text-table.ts'

const LINKS = 500

const WARM_UP_CONNECTS = 50

/** Timers of a handshake hold what belongs to it for up to 10 s: an idle link has none of that. */
const SETTLE_MS = 12_000

/** Connects of hundreds of libp2p nodes in one process take their time. */
const CONNECT_TIMEOUT_MS = 60_000

interface IdleFigures {
  contender: string
  rssKbPerLink?: number
  /** Of the broker's process, where the links end in one. */
  brokerKbPerLink?: number
  /** Why there are no figures. */
  reason?: string
}

/** What `LINKS` links, each answered once and then idle, add to the memory of their server. */
async function measureIdle(contender: string, dir: string): Promise<IdleFigures> {
  const pair = await Pair.start({ contender, dir, clients: LINKS })
  if (!(pair instanceof Pair)) return { contender, reason: `skipped: ${pair.lacks}` }
  try {
    // The first connections bring code and buffers that are no link's own.
    await pair.reconnectMs(WARM_UP_CONNECTS)
    await delay(SETTLE_MS)
    const before = await pair.usage(true)
    await pair.connect('open', CONNECT_TIMEOUT_MS)
    await delay(SETTLE_MS)
    const after = await pair.usage(true)
    const perLink = (bytes: number): number => bytes / 1024 / LINKS
    return {
      contender,
      rssKbPerLink: perLink(after.own.rssBytes - before.own.rssBytes),
      ...(before.broker &&
        after.broker && {
          brokerKbPerLink: perLink(after.broker.rssBytes - before.broker.rssBytes),
        }),
    }
  } finally {
    await pair.stop()
  }
}

const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'string' } } })
const names = chosen(values.only)
const dir = await mkdtemp(join(tmpdir(), 'kith-idle-'))
const results: IdleFigures[] = []
try {
  for (const contender of names) {
    console.error(`${contender}: ${LINKS} links`)
    results.push(
      await measureIdle(contender, dir).catch((err: unknown) => {
        process.exitCode = 1
        return { contender, reason: `failed: ${String(err)}` }
      }),
    )
  }
} finally {
  await rm(dir, { recursive: true })
}
const rows = results.map(({ contender, rssKbPerLink, brokerKbPerLink, reason }) => [
  contender,
  figure(rssKbPerLink),
  figure(brokerKbPerLink),
  reason ?? '',
])
console.log(textTable(['contender', 'server KB/link', 'broker KB/link', ''], rows))
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ links: LINKS, results }, undefined, 2)}\n`)
}
