// Memory of a process that backs up a home, and how busy its main thread is:
// `node test/load/backup-memory.ts [--mib 1024] [--passphrase-mib 1024]`, the second of the home that a passphrase seals.
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { Key, Lock } from '../../src/store/backup/seal.ts'
import { verifyBackup } from '../../src/store/backup/read-backup.ts'
import { Database } from '../../src/store/database.ts'
import { backUp, makeHome, putRows } from '../helpers/backup-home.ts'

/** What was seen of one piece of work. */
interface Seen {
  /** Most memory of the process, over what it had before, in MiB. */
  grownMib: number
  /** Share of the time in which the main thread did something. */
  mainBusy: number
}

const MIB = 1_048_576
const FILE_MIB = 32
const ROW_BYTES = 1_024

/** A home of `mib` MiB: a quarter of it are rows of its store, the rest files that no compression makes smaller. */
async function fillHome(home: string, mib: number): Promise<void> {
  await makeHome(home, 'large')
  await mkdir(join(home, 'workspace/data'), { mode: 0o700 })
  for (let left = (mib * 3) / 4, n = 0; left > 0; left -= FILE_MIB, n += 1) {
    const handle = await open(join(home, `workspace/data/${n}`), 'wx', 0o600)
    for (let at = 0; at < Math.min(left, FILE_MIB); at += 1) await handle.write(randomBytes(MIB))
    await handle.close()
  }
  const database = await Database.open(join(home, 'store'))
  for (let batch = 0; batch < mib / 4; batch += 1) {
    const text = randomBytes(ROW_BYTES / 2).toString('hex')
    const rows = Array.from({ length: MIB / ROW_BYTES }, (_, n) => [`${batch}-${n}`, text])
    await putRows(database, Object.fromEntries(rows) as Record<string, string>)
  }
  await database.close()
}

async function watch(work: () => Promise<unknown>): Promise<Seen> {
  globalThis.gc?.()
  await delay(500)
  const before = process.memoryUsage.rss()
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 20)
  const since = performance.eventLoopUtilization()
  await work()
  const { utilization } = performance.eventLoopUtilization(since)
  clearInterval(timer)
  return { grownMib: (most - before) / MIB, mainBusy: utilization }
}

const { values } = parseArgs({
  options: { mib: { type: 'string', default: '1024' }, 'passphrase-mib': { type: 'string' } },
})
const { mib, 'passphrase-mib': passphraseMib = mib } = values
const folder = await mkdtemp(join(tmpdir(), 'kith-memory-'))
try {
  const identity = await generateX25519Identity()
  const ways: [name: string, mib: string, lock: Lock, key: Key][] = [
    [
      'recipient',
      mib,
      { recipients: [await identityToRecipient(identity)] },
      { identities: [identity] },
    ],
    ['passphrase', passphraseMib, { passphrase: 'large' }, { passphrase: 'large' }],
  ]
  for (const [name, mib, lock, key] of ways) {
    const [home, to] = [join(folder, `home-${name}`), join(folder, name)]
    await fillHome(home, Number(mib))
    const database = await Database.open(join(home, 'store'))
    const made = await watch(() => backUp(home, to, { lock, database }))
    const verified = await watch(() => verifyBackup(to, key))
    console.log(JSON.stringify({ lock: name, made, verified }))
    await database.close()
    await rm(home, { recursive: true })
  }
} finally {
  await rm(folder, { recursive: true })
}
