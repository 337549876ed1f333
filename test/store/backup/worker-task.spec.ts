import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { KithError, isFailure } from '../../../src/protocol/errors.ts'
import type { BackupProgress } from '../../../src/store/backup/progress.ts'
import { verifyBackup } from '../../../src/store/backup/read-backup.ts'
import type { Key, Lock } from '../../../src/store/backup/seal.ts'
import { Database } from '../../../src/store/database.ts'
import { backUp, makeHome, putRows } from '../../helpers/backup-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const MIB = 1_048_576

describe('backup in a thread of its own', () => {
  const folder = tempFolder()
  const home = (): string => join(folder(), 'home')
  const file = (): string => join(folder(), 'home.kith')
  let lock: Lock
  let key: Key

  before(async () => {
    const identity = await generateX25519Identity()
    lock = { recipients: [await identityToRecipient(identity)] }
    key = { identities: [identity] }
  })
  beforeEach(() => makeHome(home(), 'one'))

  it('says how far it is, and at the end that all is done', async () => {
    await writeFile(join(home(), 'workspace/data'), Buffer.alloc(20 * MIB))
    const told: BackupProgress[] = []
    const onProgress = (progress: BackupProgress): void => void told.push(progress)
    const { manifest } = await backUp(home(), file(), { lock, onProgress })
    const totalBytes = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0)
    const checked: BackupProgress[] = []
    await verifyBackup(file(), key, { onProgress: (progress) => void checked.push(progress) })
    for (const all of [told, checked]) {
      assert.ok(all.length >= 4 && all.length <= 8, `${all.length} times`)
      assert.ok(all.every((one) => one.totalBytes === totalBytes))
      assert.equal(all.at(-1)?.doneBytes, totalBytes)
      assert.deepEqual(
        all.map(({ doneBytes }) => doneBytes),
        [...new Set(all.map(({ doneBytes }) => doneBytes))].toSorted((a, b) => a - b),
      )
    }
  })

  it('ends when its signal does, with nothing left of it', async () => {
    await writeFile(join(home(), 'workspace/data'), Buffer.alloc(20 * MIB))
    const stopping = new KithError('stopping', 'this node is stopping', {})
    const during = new AbortController()
    const ended = backUp(home(), file(), {
      lock,
      signal: during.signal,
      onProgress: () => {
        during.abort(stopping)
      },
    })
    await assert.rejects(ended, (err) => err === stopping)
    const before = backUp(home(), file(), { lock, signal: AbortSignal.abort(stopping) })
    await assert.rejects(before, (err) => err === stopping)
    assert.deepEqual(await readdir(folder()), ['home'])
  })

  it('ends with what its owner throws when it is asked', async () => {
    const failure = new KithError('malformed', 'no key log', { what: 'identity.json' })
    const ended = backUp(home(), file(), {
      lock,
      describe: () => {
        throw failure
      },
    })
    await assert.rejects(ended, (err) => err === failure)
    assert.deepEqual(await readdir(folder()), ['home'])
  })

  it('has every row of a store that comes in many pieces', async () => {
    const database = await Database.open(join(home(), 'store'))
    const rows = Array.from({ length: 5_000 }, (_, n) => [`${n}`, `${n} `.repeat(n % 300)])
    await putRows(database, Object.fromEntries(rows) as Record<string, string>, 'many')
    const { manifest } = await backUp(home(), file(), { lock, database })
    await database.close()
    assert.deepEqual((await verifyBackup(file(), key)).manifest, manifest)
    const bytes = manifest.files.find(({ name }) => name === 'store.rows')?.bytes ?? 0
    // LevelDB's reader hands over 128 KiB at once.
    assert.ok(bytes > 10 * 131_072, `${bytes} bytes`)
  })

  it('refuses a wrong key as this thread does', async () => {
    await backUp(home(), file(), { lock })
    await assert.rejects(
      verifyBackup(file(), { identities: [await generateX25519Identity()] }),
      (err) => isFailure(err, 'passphrase') && err.details.given,
    )
  })
})
