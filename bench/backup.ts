// Backup and restore beside restic and a pipe of tar, gzip or zstd, and age: `node bench/backup.ts [--mib 512] [--rounds 3] [--json FILE]`.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { bundle } from '../bin/bundle.ts'
import { fillMixedHome } from './run/mixed-home.ts'
import { median, rotated } from './run/statistics.ts'
import { figure, textTable } from './run/text-table.ts'

/** One way to back a home up, each step as a shell would run it in the folder that has `home`. */
interface Way {
  name: string
  /** Programs without which it is left out. */
  wants: string[]
  backup: string
  restore: string
  /** What it has written. */
  made: string
  backupMs: number[]
  restoreMs: number[]
}

/** In the tree, because what is not bundled is found from there. */
const CACHE = new URL('../node_modules/.cache', import.meta.url).pathname

function way(name: string, wants: string[], steps: Pick<Way, 'backup' | 'restore' | 'made'>): Way {
  return { name, wants, ...steps, backupMs: [], restoreMs: [] }
}

function pipe(packer: string, level: string): Way {
  const made = `home.${packer}.age`
  return way(`tar | ${packer} ${level} | age`, ['tar', packer, 'age'], {
    made,
    backup: `tar -C home -cf - . | ${packer} ${level} -q -c | age -r "$RECIPIENT" > ${made}`,
    restore: `mkdir out && age -d -i identity ${made} | ${packer} -d -q -c | tar -C out -xf -`,
  })
}

const WAYS: Way[] = [
  way('kith', [], {
    made: 'home.kith',
    backup: `"${process.execPath}" "$BUNDLE/backup-step.js" backup`,
    restore: `"${process.execPath}" "$BUNDLE/backup-step.js" restore`,
  }),
  way('restic', ['restic'], {
    made: 'repository',
    backup: 'restic -q --no-cache backup home',
    restore: 'restic -q --no-cache restore latest --target out',
  }),
  pipe('gzip', '-6'),
  pipe('zstd', '-3'),
]

/** The time of each step in ms, its start included, in a folder where nothing of it is. */
async function measure({ backup, backupMs, made, restore, restoreMs, name }: Way): Promise<number> {
  await rm(made, { recursive: true, force: true })
  if (name === 'restic') await shellMs('restic -q init')
  backupMs.push(await shellMs(backup))
  await rm('out', { recursive: true, force: true })
  restoreMs.push(await shellMs(restore))
  await rm('out', { recursive: true })
  const { stdout } = spawnSync('du', ['-sb', made], { encoding: 'utf8' })
  return Number(stdout.split('\t', 1)[0])
}

/** How long a line of a shell takes, in ms. @throws {Error} unless all of it exits with 0 */
async function shellMs(line: string): Promise<number> {
  // What the one before has left to be written is not its work.
  spawnSync('sync')
  const startedAt = performance.now()
  const child = spawn('bash', ['-euo', 'pipefail', '-c', line], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = (await once(child, 'exit')) as unknown[]
  if (code !== 0) throw new Error(`${line} ended with ${String(code)}`)
  return performance.now() - startedAt
}

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
})
const folder = await mkdtemp(join(tmpdir(), 'kith-backup-'))
await mkdir(CACHE, { recursive: true })
const bundled = await mkdtemp(join(CACHE, 'kith-bench-'))
const started = process.cwd()
const here = WAYS.filter(({ wants }) =>
  wants.every((name) => spawnSync('which', [name]).status === 0),
)
const madeMib = new Map<string, number>()
let mib: number
try {
  // As it is published: what is measured starts two threads, and would take the types out of all its files twice.
  await bundle(bundled, { 'backup-step': 'bench/run/backup-step.ts' })
  process.env['BUNDLE'] = bundled
  process.chdir(folder)
  await fillMixedHome('home', Number(values.mib))
  const identity = await generateX25519Identity()
  await writeFile('identity', `${identity}\n`, { mode: 0o600 })
  process.env['RECIPIENT'] = await identityToRecipient(identity)
  process.env['RESTIC_REPOSITORY'] = join(folder, 'repository')
  process.env['RESTIC_PASSWORD'] = randomBytes(16).toString('hex')
  const { stdout } = spawnSync('du', ['-sb', 'home'], { encoding: 'utf8' })
  mib = Number(stdout.split('\t', 1)[0]) / 1_048_576
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const one of rotated(here, round)) {
      madeMib.set(one.name, (await measure(one)) / 1_048_576)
    }
  }
} finally {
  process.chdir(started)
  await rm(folder, { recursive: true })
  await rm(bundled, { recursive: true })
}

const results = here.map(({ backupMs, name, restoreMs }) => {
  const speed = (tries: readonly number[]): number => (mib / (median(tries) ?? NaN)) * 1_000
  return { name, backup: speed(backupMs), restore: speed(restoreMs), madeMib: madeMib.get(name) }
})
const [kith] = results
const rows = results.map(({ backup, madeMib, name, restore }) => [
  name,
  figure(backup),
  figure(restore),
  figure(madeMib),
  figure((kith?.backup ?? NaN) / backup),
  figure((kith?.restore ?? NaN) / restore),
])
const headings = [
  'way',
  'backup MiB/s',
  'restore MiB/s',
  'made MiB',
  'kith to it',
  'restore, kith to it',
]
console.log(textTable(headings, rows))
if (values.json !== undefined) {
  const content = { node: process.version, mib, results }
  await writeFile(values.json, `${JSON.stringify(content, undefined, 2)}\n`)
}
