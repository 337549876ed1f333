import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { extractBackup } from '../../../src/store/backup/read-backup.ts'
import { restoreHome } from '../../../src/store/backup/restore.ts'
import { finishRestore } from '../../../src/store/backup/swap.ts'
import { manifestOf } from '../../helpers/backup-bytes.ts'
import { backUpHere, makeHome, readHome } from '../../helpers/backup-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const MIB = 1_048_576
const RUN = fileURLToPath(new URL('../../helpers/run-restore.ts', import.meta.url))

describe('unpacking a backup', () => {
  const folder = tempFolder()
  const home = (): string => join(folder(), 'home')
  const file = (): string => join(folder(), 'large.kith')
  let identity: string
  let old: Record<string, string>
  let large: Record<string, string>

  beforeEach(async () => {
    identity = await generateX25519Identity()
    const from = join(folder(), 'from')
    await makeHome(from, 'large')
    await mkdir(join(from, 'workspace/data'), { mode: 0o700 })
    for (let n = 0; n < 100; n += 1) await writeFile(join(from, `workspace/data/${n}`), String(n))
    await writeFile(join(from, 'workspace/data/zeros'), Buffer.alloc(20 * MIB))
    const lock = { recipients: [await identityToRecipient(identity)] }
    await backUpHere({ home: from, to: file(), lock, describe: () => manifestOf({}) })
    large = await readHome(from)
    await makeHome(home(), 'old')
    old = await readHome(home())
  })

  /** Restores in a process of its own, which dies when it has told so many times how far it is. */
  async function killed(times: number, id: string): Promise<void> {
    const args = [RUN, file(), identity, home(), id, String(times)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
  }

  it('leaves the home that is there when its process is killed, and is swept by the next one', async () => {
    for (const times of [1, 3, 5]) await killed(times, `a${times}`)
    const left = (await readdir(folder())).filter((name) => name.startsWith('home.restoring-'))
    assert.ok(left.length > 0)
    await finishRestore(home())
    assert.deepEqual(await readHome(home()), old)
    const merge = (): Promise<undefined> => Promise.resolve(undefined)
    const key = { identities: [identity] }
    await restoreHome({ file: file(), key, home: home(), id: 'b', merge, dryRun: false })
    assert.deepEqual(await readHome(home()), large)
    assert.deepEqual(await readdir(folder()), ['from', 'home', 'home.before-b', 'large.kith'])
  })

  it('ends with its signal, in the middle of a file', async () => {
    const stop = new AbortController()
    const reason = new Error('given up')
    const onProgress = (): void => {
      stop.abort(reason)
    }
    const options = { onProgress, signal: stop.signal }
    const to = join(folder(), 'to')
    const ended = extractBackup(file(), { identities: [identity] }, to, options)
    await assert.rejects(ended, (err) => err === reason)
  })

  it('asks whether the backup is taken before it unpacks what follows its identity', async () => {
    const refused = new Error('of another node')
    const to = join(folder(), 'to')
    const ended = extractBackup(file(), { identities: [identity] }, to, {
      accept: ({ identity: bytes, manifest }) => {
        assert.equal(Buffer.from(bytes).toString(), large['identity.json'])
        assert.ok(manifest.files.some(({ name }) => name === 'workspace/data/zeros'))
        throw refused
      },
    })
    await assert.rejects(ended, (err) => err === refused)
    assert.deepEqual(await readdir(to), ['config.yaml', 'identity.json'])
  })
})
