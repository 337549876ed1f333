import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import {
  createBackupStatement,
  readBackupStatement,
} from '../../../src/protocol/backup-statement.ts'
import { publicKeyOf } from '../../../src/protocol/ed25519.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { FileChanged, writeArchive } from '../../../src/store/backup/archive-writer.ts'
import { compress } from '../../../src/store/backup/compression.ts'
import type { BackupReport, SignManifest } from '../../../src/store/backup/make-backup.ts'
import { encodeManifest } from '../../../src/store/backup/manifest.ts'
import type { ReadBackup } from '../../../src/store/backup/archive-reader.ts'
import { extractBackup, readThrough, verifyBackup } from '../../../src/store/backup/read-backup.ts'
import { seal } from '../../../src/store/backup/seal.ts'
import type { Key, Lock } from '../../../src/store/backup/seal.ts'
import { unpackBackup } from '../../../src/store/backup/unpack-backup.ts'
import { Database } from '../../../src/store/database.ts'
import { bytesOf, manifestOf, piecesOf, sha256Hex } from '../../helpers/backup-bytes.ts'
import {
  backUp,
  backUpHere,
  makeHome,
  putRows,
  readHome,
  writeHome,
} from '../../helpers/backup-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('backup of a home', () => {
  const folder = tempFolder()
  const home = (): string => join(folder(), 'home')
  const file = (): string => join(folder(), 'home.kith')
  const copy = (): string => join(folder(), 'copy')
  let lock: Lock
  let key: Key

  before(async () => {
    const identity = await generateX25519Identity()
    lock = { recipients: [await identityToRecipient(identity)] }
    key = { identities: [identity] }
  })
  beforeEach(() => makeHome(home(), 'one'))

  /** As `backUp`, in this thread. */
  async function made(): Promise<BackupReport> {
    return await backUpHere({ home: home(), to: file(), lock, describe: () => manifestOf({}) })
  }

  /** As `verifyBackup`, in this thread: to start one of its own costs more than all that it does. */
  async function verify(by = key): Promise<ReadBackup> {
    return await readThrough(file(), by, { onProgress: () => undefined })
  }

  /** As `extractBackup`, in this thread. */
  async function extract(): Promise<ReadBackup> {
    return await unpackBackup(file(), key, copy(), { onProgress: () => undefined })
  }

  it('holds what the home holds, store and rights included', async () => {
    const { bytes, leftOut, manifest } = await backUp(home(), file(), { lock })
    assert.deepEqual(leftOut, [])
    assert.deepEqual((await verifyBackup(file(), key)).manifest, manifest)
    assert.deepEqual((await extractBackup(file(), key, copy())).manifest, manifest)
    assert.deepEqual(await readHome(copy()), await readHome(home()))
    const { mode, size } = await stat(file())
    assert.deepEqual([mode & 0o777, size], [0o600, bytes])
    assert.equal((await stat(join(copy(), 'keys'))).mode & 0o777, 0o700)
  })

  it('shows nothing of the home, and leaves nothing beside', async () => {
    await backUp(home(), file(), { lock })
    const sealed = await readFile(file())
    for (const text of ['identity', 'key one', 'notes', 'kith-backup']) {
      assert.equal(sealed.includes(text), false)
    }
    assert.deepEqual((await readdir(folder())).toSorted(), ['home', 'home.kith'])
  })

  it('leaves out what is made anew, what others own, and what no other system takes', async () => {
    await writeHome(home(), {
      'logs/kith.log': 'x',
      'profiles/work/identity.json': 'x',
      '.identity.json.0123456789abcdef': 'x',
      'keys/.0123456789abcdef.json.0123456789abcdef': 'x',
      'core.1234': 'x',
      'workspace/a:b': 'x',
      'workspace/Notes/today.md': 'x',
    })
    await symlink('/etc/passwd', join(home(), 'workspace/link'))
    await symlink('/etc', join(home(), 'workspace/folder'))
    const socket = createServer().listen(join(home(), 'control.sock'))
    const own = createServer().listen(join(home(), 'workspace/socket'))
    const { leftOut, manifest } = await made()
    socket.close()
    own.close()
    assert.deepEqual(leftOut.toSorted(), [
      'core.1234',
      'workspace/a:b',
      'workspace/folder',
      'workspace/link',
      'workspace/notes/today.md',
      'workspace/socket',
    ])
    assert.deepEqual(
      manifest.files.map(({ name }) => name),
      [
        'config.yaml',
        'identity.json',
        'keys/0123456789abcdef.json',
        'workspace/Notes/today.md',
        'workspace/large',
        'workspace/run.sh',
        'store.rows',
      ],
    )
  })

  it('holds the store as it was when it began, whatever is written meanwhile', async () => {
    const database = await Database.open(join(home(), 'store'))
    const stop = new AbortController()
    const writes = (async () => {
      for (let n = 0; !stop.signal.aborted; n += 1) {
        // Both or neither: what a batch writes is in a backup whole.
        await putRows(database, { [`a${n}`]: 'x', [`b${n}`]: 'x' })
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await backUp(home(), file(), { lock, database })
    stop.abort()
    await writes
    await database.close()
    await extract()
    const rows = Object.keys(await readHome(copy())).filter((name) => /^rows\/[ab]/.test(name))
    const [a, b] = ['a', 'b'].map((kind) => rows.filter((name) => name[5] === kind))
    assert.equal(a?.length, b?.length)
    assert.equal(Object.keys(await readHome(copy())).length, 50 + 6 + rows.length)
  })

  it('begins anew when a file changes under it, and gives up when that never ends', async () => {
    let changes = 1
    const describe = (): { node: string; keyLog: { sn: number; head: string } } => manifestOf({})
    const once = {
      lock,
      // Called when all was announced but the store, and nothing read for the second time.
      describe: (): ReturnType<typeof describe> => {
        if (changes-- > 0) writeFileSync(join(home(), 'config.yaml'), `other ${changes}`)
        return describe()
      },
    }
    await backUp(home(), file(), once)
    await verify()
    changes = 1_000
    await assert.rejects(
      backUp(home(), join(folder(), 'b'), once),
      (err) => isFailure(err, 'invalid-file') && err.message.includes('config.yaml'),
    )
    assert.deepEqual((await readdir(folder())).toSorted(), ['home', 'home.kith'])
  })

  it('leaves a file of the workspace out that changes whenever it is read, and names it', async () => {
    let attempts = 0
    const describe = (): { node: string; keyLog: { sn: number; head: string } } => {
      attempts += 1
      for (const name of ['large', 'run.sh']) {
        writeFileSync(join(home(), 'workspace', name), `attempt ${attempts}`)
      }
      return manifestOf({})
    }
    const { changing, leftOut } = await backUp(home(), file(), { lock, describe })
    assert.deepEqual(changing, ['workspace/large', 'workspace/run.sh'])
    assert.deepEqual(leftOut, changing)
    const { manifest } = await verify()
    const names = manifest.files.map(({ name }) => name)
    assert.ok(names.includes('workspace/notes/today.md') && !names.includes('workspace/large'))
    // Three for the first file, and one more for the second.
    assert.equal(attempts, 4)
  })

  it('leaves none out that has changed once', async () => {
    let changes = 1
    const { changing, leftOut } = await backUp(home(), file(), {
      lock,
      describe: () => {
        if (changes-- > 0) writeFileSync(join(home(), 'workspace/large'), 'other')
        return manifestOf({})
      },
    })
    assert.deepEqual([changing, leftOut], [[], []])
    await extract()
    assert.equal(await readFile(join(copy(), 'workspace/large'), 'utf8'), 'other')
  })

  it('gives up when files never stop to change, and leaves nothing', async () => {
    let attempts = 0
    const describe = (): { node: string; keyLog: { sn: number; head: string } } => {
      writeFileSync(join(home(), `workspace/file-${attempts}`), 'other')
      attempts += 1
      return manifestOf({})
    }
    for (let n = 0; n < 20; n += 1) await writeFile(join(home(), `workspace/file-${n}`), 'first')
    const never = backUp(home(), file(), { lock, describe })
    await assert.rejects(
      never,
      (err) => isFailure(err, 'invalid-file') && /file-9/.test(err.message),
    )
    assert.equal(attempts, 10)
    assert.deepEqual(await readdir(folder()), ['home'])
  })

  it('is of a home in which a file of the workspace goes while it is read', async () => {
    // As it stands in the manifest, it is there no more: the backup begins anew.
    let goes = true
    const { leftOut } = await backUp(home(), file(), {
      lock,
      describe: () => {
        if (goes) rmSync(join(home(), 'workspace/large'))
        goes = false
        return manifestOf({})
      },
    })
    assert.deepEqual(leftOut, [])
    await verify()
  })

  it('says whose disk is full, and leaves nothing there', async function () {
    const disk = join(folder(), 'disk')
    await mkdir(disk)
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
    if (status !== 0) this.skip()
    try {
      await writeFile(join(home(), 'workspace/noise'), randomBytes(262_144))
      const full = backUp(home(), join(disk, 'a.age'), { lock })
      await assert.rejects(
        full,
        (err) => isFailure(err, 'usage') && err.message.includes(`the disk of ${disk} is full`),
      )
      assert.deepEqual(await readdir(disk), [])
    } finally {
      spawnSync('umount', [disk])
    }
  })

  it('is signed by whoever its owner has sign it, once for each attempt', async () => {
    const seed = new Uint8Array(32).fill(7)
    const digests: string[] = []
    const sign: SignManifest<Uint8Array> = (manifest, { at, keyLog: { sn }, node }) => {
      digests.push(Buffer.from(manifest).toString('hex'))
      if (digests.length === 1) throw new FileChanged('identity.json')
      return createBackupStatement({ id: node, sn, at, manifest, seed })
    }
    const { manifest } = await backUp(home(), file(), { lock, sign })
    const { statement } = await verify()
    const said = readBackupStatement(statement ?? new Uint8Array(0), publicKeyOf(seed))
    assert.deepEqual([said.id, said.sn, said.at], [manifest.node, 0, manifest.at])
    assert.equal(Buffer.from(said.manifest).toString('hex'), digests[1])
    assert.equal(digests[1], sha256Hex(encodeManifest(manifest)))
    assert.equal(digests.length, 2)
  })

  it('takes a log as it was announced, however much is added to it meanwhile', async () => {
    const path = join(home(), 'workspace/log')
    await writeFile(path, 'one\n')
    let calls = 0
    await backUp(home(), file(), {
      lock,
      describe: () => {
        calls += 1
        appendFileSync(path, 'two\n')
        return manifestOf({})
      },
    })
    await extract()
    assert.deepEqual([calls, await readFile(join(copy(), 'workspace/log'), 'utf8')], [1, 'one\n'])
  })

  it('does not take half of a rotation', async () => {
    let rotations = 1
    const path = join(home(), 'keys/fedcba9876543210.json')
    await backUp(home(), file(), {
      lock,
      describe: () => {
        if (rotations-- > 0) void writeFile(path, 'new key', { mode: 0o600 })
        return manifestOf({})
      },
    })
    const { manifest } = await verify()
    assert.ok(manifest.files.some(({ name }) => name === 'keys/fedcba9876543210.json'))
  })

  it('goes where nothing is, and is of a node', async () => {
    await writeFile(file(), 'precious')
    await assert.rejects(backUp(home(), file(), { lock }), (err) => isFailure(err, 'exists'))
    assert.equal(await readFile(file(), 'utf8'), 'precious')
    await rm(join(home(), 'identity.json'))
    await assert.rejects(backUp(home(), join(folder(), 'b'), { lock }), (err) =>
      isFailure(err, 'no-identity'),
    )
  })

  it('goes to a disk that knows no links, as those with FAT, and over nothing there either', async () => {
    const { link } = promises
    promises.link = () => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }))
    syncBuiltinESMExports()
    try {
      const { manifest } = await backUp(home(), file(), { lock })
      assert.deepEqual((await verify()).manifest, manifest)
      await assert.rejects(backUp(home(), file(), { lock }), (err) => isFailure(err, 'exists'))
    } finally {
      promises.link = link
      syncBuiltinESMExports()
    }
    assert.deepEqual((await readdir(folder())).toSorted(), ['home', 'home.kith'])
  })

  it('is not extracted over anything', async () => {
    await made()
    await mkdir(copy())
    await assert.rejects(extract(), { code: 'EEXIST' })
    await rename(copy(), join(folder(), 'empty'))
    await symlink(join(folder(), 'empty'), copy())
    await assert.rejects(extract(), { code: 'EEXIST' })
    assert.deepEqual(await readdir(join(folder(), 'empty')), [])
  })

  it('makes no folder when the key is wrong', async () => {
    await made()
    const other = { identities: [await generateX25519Identity()] }
    await assert.rejects(verify(other), (err) => isFailure(err, 'passphrase'))
  })

  const strangers: [what: string, files: Record<string, Uint8Array>, why: RegExp][] = [
    ['a file that no home has', { '.bashrc': Buffer.from('x') }, /no home has/],
    ['a store of files', { 'store/CURRENT': Buffer.from('x') }, /no home has/],
    ['no store', {}, /store\.rows is not in it/],
    ['rows that are cut off', { 'store.rows': Buffer.from('x') }, /store is cut off/],
    ['rows without a name', { 'store.rows': Buffer.from('\0\0\0\x01\0\0\0\0a') }, /no name/],
    [
      'a row that is too long',
      { 'store.rows': Buffer.from('\0\0\0\x01\xff\0\0\0a', 'latin1') },
      /too long/,
    ],
    [
      'rows in no order',
      { 'store.rows': Buffer.from('\0\0\0\x04\0\0\0\0!b!b\0\0\0\x04\0\0\0\0!a!a') },
      /order/,
    ],
  ]
  for (const [what, files, why] of strangers) {
    it(`is refused with ${what}`, async () => {
      const all = { 'identity.json': Buffer.from('x'), ...files }
      const archive = writeArchive(manifestOf(all), ({ name }) =>
        piecesOf(Object.entries(all).find(([known]) => known === name)?.[1] ?? Buffer.alloc(0)),
      )
      await writeFile(file(), await bytesOf(seal(compress(archive), lock)))
      const refused = (err: unknown): boolean => isFailure(err, 'corrupt') && why.test(err.message)
      await assert.rejects(verify(), refused)
      await assert.rejects(extract(), refused)
    })
  }
})
