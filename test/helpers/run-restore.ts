// A process that restores a backup and is dead when it has told so many times how far it is:
// `node run-restore.ts FILE IDENTITY HOME ID TIMES`.
import { restoreHome } from '../../src/store/backup/restore.ts'

const [file = '', identity = '', home = '', id = '', times = ''] = process.argv.slice(2)
let told = 0
await restoreHome({
  ...{ file, home, id, dryRun: false },
  key: { identities: [identity] },
  merge: () => Promise.resolve(undefined),
  onProgress: () => {
    told += 1
    if (told === Number(times)) process.kill(process.pid, 'SIGKILL')
  },
})
