// One backup or restore of the home in this folder, as a command would make it: `node backup-step.ts backup|restore`.
import { readFile } from 'node:fs/promises'
import { createBackup } from '../../src/store/backup/home-backup.ts'
import { restoreHome } from '../../src/store/backup/restore.ts'
import { Database } from '../../src/store/database.ts'

/** A node id that is well formed. */
const NODE = 'kith16yosywfkgw4f2u4hqt2antemec5mfyr4dmtnwmcqojfxx5mr2jea'

const FILE = 'home.kith'

if (process.argv[2] === 'backup') {
  const database = await Database.open('home/store')
  await createBackup({
    home: 'home',
    database,
    describe: () => ({ node: NODE, keyLog: { sn: 0, head: '00'.repeat(32) } }),
    software: 'kith/bench',
    now: Date.now,
    to: FILE,
    lock: { recipients: [process.env['RECIPIENT'] ?? ''] },
  })
  await database.close()
} else {
  const identities = [(await readFile('identity', 'utf8')).trim()]
  await restoreHome({
    file: FILE,
    key: { identities },
    home: 'out',
    id: 'bench',
    merge: () => Promise.resolve(undefined),
    dryRun: false,
  })
}
