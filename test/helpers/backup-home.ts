import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createBackup } from '../../src/store/backup/home-backup.ts'
import type { BackupInit } from '../../src/store/backup/home-backup.ts'
import { makeBackup } from '../../src/store/backup/make-backup.ts'
import type { BackupReport } from '../../src/store/backup/make-backup.ts'
import { dumpRows } from '../../src/store/backup/store-rows.ts'
import { Database } from '../../src/store/database.ts'
import { NOW } from './ask-calls.ts'
import { manifestOf } from './backup-bytes.ts'

/** Puts files into a home, mode 0600 in folders of mode 0700, and makes it if it is not there. */
export async function writeHome(
  home: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true, mode: 0o700 })
    await writeFile(join(home, name), content, { mode: 0o600 })
  }
}

/** What is in a home by name, with `x` after the names of files that may be run; its store by the rows in it. */
export async function readHome(home: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(home.length + 1)
    if (name.startsWith('store/') || !entry.isFile()) continue
    const { mode } = await stat(path)
    found[(mode & 0o100) === 0 ? name : `${name} x`] = await readFile(path, 'utf8')
  }
  const database = await Database.open(join(home, 'store'))
  try {
    for await (const [key, row] of database.sublevel('rows').iterator()) {
      found[`rows/${key}`] = Buffer.from(row).toString()
    }
  } finally {
    await database.close()
  }
  return found
}

/** Writes rows to a store that is open. */
export async function putRows(
  database: Database,
  rows: Readonly<Record<string, string>>,
  sublevel = 'rows',
): Promise<void> {
  await database.write(
    Object.entries(rows).map(([key, text]) => ({
      type: 'put',
      sublevel: database.sublevel(sublevel),
      key,
      value: Buffer.from(text),
    })),
    { durable: false },
  )
}

/** A home of a node, in the eyes of a backup. */
export async function makeHome(home: string, mark: string): Promise<void> {
  await writeHome(home, {
    'identity.json': `identity ${mark}`,
    'keys/0123456789abcdef.json': `key ${mark}`,
    'config.yaml': `config ${mark}`,
    'workspace/notes/today.md': `notes ${mark}`,
    'workspace/run.sh': '#!/bin/sh\n',
    'workspace/large': randomBytes(10).toString('hex').repeat(9_000),
  })
  await chmod(join(home, 'workspace/run.sh'), 0o700)
  const database = await Database.open(join(home, 'store'))
  const rows = Array.from({ length: 50 }, (_, row) => [`${row}`.padStart(3, '0'), `${mark} ${row}`])
  await putRows(database, Object.fromEntries(rows) as Record<string, string>)
  await database.close()
}

/** Backs up a home whose store is not open elsewhere. */
export async function backUp(
  home: string,
  to: string,
  change: Partial<BackupInit> & Pick<BackupInit, 'lock'>,
): Promise<BackupReport> {
  const database = change.database ?? (await Database.open(join(home, 'store')))
  const { keyLog, node } = manifestOf({})
  try {
    return await createBackup({
      home,
      database,
      describe: () => ({ node, keyLog }),
      software: 'kith/0.1.0',
      now: () => Date.UTC(2026, 10, 21),
      to,
      ...change,
    })
  } finally {
    if (change.database === undefined) await database.close()
  }
}

/** Backs up as `createBackup` does, once, and in this thread: for tests of what becomes of a backup. */
export async function backUpHere(
  init: Pick<BackupInit, 'describe' | 'home' | 'lock' | 'sign' | 'to'>,
): Promise<BackupReport> {
  const { describe, home, lock, sign, to } = init
  const database = await Database.open(join(home, 'store'))
  const snapshot = database.snapshot()
  const signed = sign !== undefined
  const task = { home, software: 'kith/0.1.0', at: NOW, to, lock, signed, without: [] }
  try {
    return await makeBackup(task, {
      describe: (identity) => Promise.resolve(describe(identity)),
      sign: (...manifest) => Promise.resolve(sign?.(...manifest) ?? new Uint8Array(0)),
      rows: () => dumpRows(database, snapshot),
      onProgress: () => undefined,
    })
  } finally {
    await snapshot.close()
    await database.close()
  }
}
