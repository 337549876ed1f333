// How soon a node answers pings while it backs its home up: `node bench/backup-pings.ts [--mib 512] [--json FILE]`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createBackup } from '../src/store/backup/home-backup.ts'
import { verifyBackup } from '../src/store/backup/read-backup.ts'
import { Database } from '../src/store/database.ts'
import { kith } from './contenders/kith.ts'
import { fillMixedHome } from './run/mixed-home.ts'
import { percentile } from './run/statistics.ts'
import { figure, textTable } from './run/text-table.ts'

const CLIENT = new URL('./run/ping-client.ts', import.meta.url)

/** How long it is pinged while it does nothing else, in ms. */
const IDLE_MS = 5_000

/** A node id that is well formed. */
const NODE = 'kith16yosywfkgw4f2u4hqt2antemec5mfyr4dmtnwmcqojfxx5mr2jea'

const { values } = parseArgs({
  options: { mib: { type: 'string', default: '512' }, json: { type: 'string' } },
})
const folder = await mkdtemp(join(tmpdir(), 'kith-pings-'))
const home = join(folder, 'home')
await fillMixedHome(home, Number(values.mib))
const server = await kith.serve({ clients: 1, dir: folder })
const client = fork(CLIENT, [server.address])
await once(client, 'message')

/** Round trips of pings while `work` goes on, in ms. */
async function pinged(work: () => Promise<unknown>): Promise<number[]> {
  client.send('begin')
  await work()
  const answered = once(client, 'message')
  client.send('end')
  const [tripsMs] = (await answered) as [number[]]
  return tripsMs
}

const database = await Database.open(join(home, 'store'))
const [to, lock] = [join(folder, 'home.kith'), { passphrase: 'bench' }]
const backup = {
  ...{ home, database, to, lock, software: 'kith/bench', now: Date.now },
  describe: () => ({ node: NODE, keyLog: { sn: 0, head: '00'.repeat(32) } }),
}
const all: [what: string, tripsMs: number[]][] = [
  ['idle', await pinged(() => new Promise((resolve) => setTimeout(resolve, IDLE_MS)))],
  ['backup', await pinged(() => createBackup(backup))],
  ['verify', await pinged(() => verifyBackup(to, lock))],
]
client.disconnect()
await database.close()
await server.stop()
await rm(folder, { recursive: true })

const results = all.map(([what, tripsMs]) => ({
  what,
  pings: tripsMs.length,
  p50Ms: percentile(tripsMs, 0.5),
  p99Ms: percentile(tripsMs, 0.99),
  worstMs: percentile(tripsMs, 1),
}))
const rows = results.map(({ p50Ms, p99Ms, pings, what, worstMs }) => [
  what,
  ...[pings, p50Ms, p99Ms, worstMs].map((value) => figure(value)),
])
console.log(textTable(['while it does', 'pings', 'p50 ms', 'p99 ms', 'worst ms'], rows))
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ node: process.version, results })}\n`)
}
