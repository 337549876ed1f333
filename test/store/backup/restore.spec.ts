import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { isFailure, KithError } from '../../../src/protocol/errors.ts'
import { sealOf } from '../../../src/node/backup/backup-keys.ts'
import { sha256OfFile } from '../../../src/store/backup/backup-files.ts'
import { makerTag } from '../../../src/store/backup/maker.ts'
import { restoreHome } from '../../../src/store/backup/restore.ts'
import type { RestoreInit, RestoreReport } from '../../../src/store/backup/restore.ts'
import type { Key } from '../../../src/store/backup/seal.ts'
import { finishRestore, sweepKilled } from '../../../src/store/backup/swap.ts'
import { Database } from '../../../src/store/database.ts'
import { backUpHere, makeHome, putRows, readHome, writeHome } from '../../helpers/backup-home.ts'
import { manifestOf } from '../../helpers/backup-bytes.ts'
import { crashingFiles } from '../../helpers/crashing-files.ts'
import { syncedPaths } from '../../helpers/synced-paths.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

/** The user and group `nobody` of Debian. */
const NOBODY = 65_534

describe('restore', () => {
  const folder = tempFolder()
  const { dies } = crashingFiles()
  const home = (): string => join(folder(), 'home')
  const file = (): string => join(folder(), 'one.kith')
  let key: Key
  /** Has the backup of `one`, and a home `two`, which each test has copies of. */
  let templates: string
  let one: Record<string, string>
  let two: Record<string, string>

  before(async () => {
    templates = await realpath(await mkdtemp(join(tmpdir(), 'kith-test-')))
    const identity = await generateX25519Identity()
    key = { identities: [identity] }
    const [first, second] = [join(templates, 'one'), join(templates, 'two')]
    await makeHome(first, 'one')
    one = await readHome(first)
    await backUpHere({
      ...{ home: first, to: `${first}.kith`, describe: () => manifestOf({}) },
      lock: { recipients: [await identityToRecipient(identity)] },
    })
    await makeHome(second, 'two')
    two = await readHome(second)
  })
  after(() => rm(templates, { recursive: true }))
  beforeEach(async () => {
    await cp(join(templates, 'one.kith'), file())
    await cp(join(templates, 'two'), home(), { recursive: true })
  })

  function restore(
    change: Partial<RestoreInit<undefined>> = {},
  ): Promise<RestoreReport<undefined>> {
    const merge = (): Promise<undefined> => Promise.resolve(undefined)
    const init = { file: file(), key, home: home(), id: 'a1', merge, dryRun: false, ...change }
    return restoreHome(init)
  }

  async function beside(): Promise<string[]> {
    return (await readdir(folder())).toSorted()
  }

  it('puts the backup in the place of the home, which is kept', async () => {
    const { before } = await restore()
    assert.equal(before, `${home()}.before-a1`)
    assert.deepEqual(await readHome(home()), one)
    assert.deepEqual(await readHome(before), two)
    assert.deepEqual(await beside(), ['home', 'home.before-a1', 'one.kith'])
  })

  it('makes a home where there is none', async () => {
    const nowhere = join(folder(), 'new')
    const { before } = await restore({ home: nowhere })
    assert.equal(before, undefined)
    assert.deepEqual(await readHome(nowhere), one)
  })

  it('swaps nothing in a dry run', async () => {
    const { before, manifest } = await restore({ dryRun: true })
    assert.equal(before, undefined)
    assert.equal(manifest.files.length, 7)
    assert.deepEqual(await readHome(home()), two)
    assert.deepEqual(await beside(), ['home', 'one.kith'])
  })

  it('is refused while the store is open, and changes nothing', async () => {
    const database = await Database.open(join(home(), 'store'))
    await assert.rejects(restore(), (err) => isFailure(err, 'locked') && err.hint === 'kith stop')
    await database.close()
    assert.deepEqual(await readHome(home()), two)
  })

  it('keeps a node from starting while it merges', async () => {
    await restore({
      merge: async () => {
        await assert.rejects(Database.open(join(home(), 'store')), (err) =>
          isFailure(err, 'locked'),
        )
        return undefined
      },
    })
  })

  it('leaves the profiles below the home where they are', async () => {
    await writeHome(home(), { 'profiles/work/identity.json': 'work' })
    const { before } = await restore()
    assert.deepEqual(await readHome(home()), { ...one, 'profiles/work/identity.json': 'work' })
    assert.deepEqual(await readHome(before ?? ''), two)
  })

  it('is what a home with a damaged store is for', async () => {
    await writeFile(join(home(), 'store/CURRENT'), 'MANIFEST-999999\n')
    let hadStore = true
    await restore({
      merge: ({ homeStore }) => {
        hadStore = homeStore !== undefined
        return Promise.resolve(undefined)
      },
    })
    assert.equal(hadStore, false)
    assert.deepEqual(await readHome(home()), one)
  })

  it('is refused where another user’s lock cannot be taken, as nobody knows what runs there', async function () {
    if (process.geteuid?.() !== 0) this.skip()
    await chmod(folder(), 0o711)
    await chown(home(), NOBODY, NOBODY)
    await chmod(file(), 0o644)
    // The store stays root’s.
    process.seteuid?.(NOBODY)
    try {
      await assert.rejects(restore(), (err) => isFailure(err, 'unsafe-file'))
    } finally {
      process.seteuid?.(0)
    }
    assert.deepEqual(await readHome(home()), two)
  })

  it('has what is merged into it, or nothing at all', async () => {
    await assert.rejects(restore({ merge: () => Promise.reject(new Error('no')) }), /no/)
    assert.deepEqual(await readHome(home()), two)
    assert.deepEqual(await beside(), ['home', 'one.kith'])
    await restore({
      merge: async ({ homeStore, stagedStore }) => {
        const row = await homeStore?.sublevel('rows').get('001')
        await putRows(stagedStore, { '001': `merged ${String(Buffer.from(row ?? []))}` })
        return undefined
      },
    })
    assert.deepEqual(await readHome(home()), { ...one, 'rows/001': 'merged two 1' })
  })

  const damages: [what: string, damage: () => Promise<unknown>][] = [
    ['cut off', () => truncate(file(), 700)],
    [
      'changed',
      async () => {
        const bytes = await readFile(file())
        await writeFile(file(), bytes.fill(0, 700, 702))
      },
    ],
    ['no backup', () => writeFile(file(), 'hello')],
  ]
  for (const [what, damage] of damages) {
    it(`leaves the home as it is when the backup is ${what}`, async () => {
      await damage()
      await assert.rejects(restore(), (err) => isFailure(err, 'corrupt'))
      assert.deepEqual(await readHome(home()), two)
      assert.deepEqual(await beside(), ['home', 'one.kith'])
    })
  }

  it('leaves the home as it is when the passphrase is wrong', async () => {
    await assert.rejects(restore({ key: { passphrase: 'x' } }), (err) =>
      isFailure(err, 'passphrase'),
    )
    assert.deepEqual(await readHome(home()), two)
    assert.deepEqual(await beside(), ['home', 'one.kith'])
  })

  it('puts the home back when the swap does not come to its end', async () => {
    await writeHome(home(), { 'profiles/work/identity.json': 'work' })
    // As a disk does that is mounted at profiles: they cannot be renamed.
    const merge = async ({ staged }: { staged: string }): Promise<undefined> => {
      await writeHome(staged, { 'profiles/in/the/way': 'x' })
      return undefined
    }
    await assert.rejects(restore({ merge }), { code: 'ENOTEMPTY' })
    assert.deepEqual(await readHome(home()), { ...two, 'profiles/work/identity.json': 'work' })
    assert.deepEqual(await beside(), ['home', 'one.kith'])
  })

  it('follows a link to the home, and swaps what it leads to', async () => {
    await mkdir(join(folder(), 'disk'))
    const disk = join(folder(), 'disk/home')
    await rename(home(), disk)
    await symlink(disk, home())
    const { before } = await restore()
    assert.equal(before, `${disk}.before-a1`)
    assert.deepEqual(await readHome(disk), one)
    assert.deepEqual(await beside(), ['disk', 'home', 'one.kith'])
    await rm(disk, { recursive: true })
    await restore({ id: 'b2' })
    assert.deepEqual(await readHome(disk), one)
    assert.deepEqual(await beside(), ['disk', 'home', 'one.kith'])
  })

  it('comes to its end though the home is a link', async () => {
    const disk = join(folder(), 'disk')
    await rename(home(), `${disk}.before-a1`)
    await symlink('disk', home())
    await makeHome(`${disk}.restoring-a1`, 'one')
    await finishRestore(home())
    assert.equal((await readHome(disk))['identity.json'], 'identity one')
  })

  it('that never began to swap comes to nothing, though the home goes later', async () => {
    await makeHome(`${home()}.restoring-a1`, 'one')
    await rm(home(), { recursive: true })
    await finishRestore(home())
    assert.deepEqual(await beside(), ['home.restoring-a1', 'one.kith'])
  })

  it('leaves nothing when it is given up', async () => {
    const stop = new AbortController()
    const merge = (): Promise<undefined> => {
      stop.abort(new Error('given up'))
      return Promise.resolve(undefined)
    }
    await assert.rejects(restore({ merge, signal: stop.signal }), /given up/)
    await assert.rejects(restore({ signal: stop.signal }), /given up/)
    assert.deepEqual(await readHome(home()), two)
    assert.deepEqual(await beside(), ['home', 'one.kith'])
  })

  it('takes at once what a process of this machine has left that is dead, and nothing of one that lives', async () => {
    const mine = await makerTag()
    const [pid, start, place] = mine.split('-')
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'exit')
    const tags = {
      'drill-a1': `${child.pid ?? 0}-1-${place ?? ''}`,
      // The same id, given to another process later.
      'restoring-b2': `${pid ?? ''}-${Number(start) - 1}-${place ?? ''}`,
      'restoring-c3': mine,
      // Of another machine, or in another container: nobody can tell.
      'drill-d4': `${child.pid ?? 0}-1-00000000`,
      'restoring-e5': `${child.pid ?? 0}-1-${place ?? ''}`,
    }
    for (const [name, tag] of Object.entries(tags)) {
      await mkdir(join(folder(), `home.${name}-${tag}`))
    }
    await mkdir(join(folder(), 'home.before-e5'))
    await sweepKilled(home(), Date.now())
    const left = (await beside()).map((name) => name.split('-', 2).join('-'))
    assert.deepEqual(
      left.filter((name) => name.startsWith('home.')),
      ['home.before-e5', 'home.drill-d4', 'home.restoring-c3', 'home.restoring-e5'],
    )
  })

  it('has all that was merged into it on disk before it takes the place of the home', async function () {
    if (process.platform !== 'linux') this.skip()
    const synced = await syncedPaths(async () => {
      await restore({
        merge: async ({ staged }) => {
          await writeHome(staged, { 'keys/nodes/0123/kept.json': 'kept' })
          return undefined
        },
      })
    })
    const inside = synced.flatMap((path) => /\.restoring-[^/]*\/(.*)$/.exec(path)?.[1] ?? [])
    for (const name of ['keys/nodes/0123/kept.json', 'keys/nodes/0123', 'keys', 'store']) {
      assert.ok(inside.includes(name), `${name} is not on disk: ${inside.join(' ')}`)
    }
  })

  it('comes to its end though its maker is dead', async () => {
    await rename(home(), `${home()}.before-a1`)
    await makeHome(`${home()}.restoring-a1-1-1-00000000`, 'one')
    await finishRestore(home())
    assert.equal((await readHome(home()))['identity.json'], 'identity one')
    assert.deepEqual(await beside(), ['home', 'home.before-a1', 'one.kith'])
  })

  it('unpacks nothing more once it is known that nobody wants it', async () => {
    const files: string[] = []
    const accept = async (): Promise<void> => {
      const [staged = ''] = (await beside()).filter((name) => name.startsWith('home.restoring'))
      files.push(...(await readdir(join(folder(), staged))))
      throw new KithError('unproved-backup', 'by nobody', { why: 'unsigned' })
    }
    await assert.rejects(restore({ accept }), (err) => isFailure(err, 'unproved-backup'))
    assert.deepEqual(files.toSorted(), ['config.yaml', 'identity.json'])
    assert.deepEqual(await readHome(home()), two)
    assert.deepEqual(await beside(), ['home', 'one.kith'])
  })

  it('names the folder when its disk is full', async () => {
    const merge = (): Promise<undefined> =>
      Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }))
    await assert.rejects(
      restore({ merge }),
      (err) =>
        isFailure(err, 'usage') && err.message.includes(folder()) && /^df /.test(err.hint ?? ''),
    )
    assert.deepEqual(await readHome(home()), two)
  })

  it('takes what others have left that were killed, a day later, but not what is under way', async () => {
    const [old, young] = [Date.now() / 1_000 - 90_000, Date.now() / 1_000]
    for (const [name, at] of [
      ['home.drill-a1', old],
      ['home.drill-b2', young],
      ['home.restoring-c3', old],
      ['home.restoring-d4', young],
      ['home.restoring-e5', old],
      ['home.before-e5', old],
      ['home.before-f6', old],
    ] as const) {
      await mkdir(join(folder(), name))
      await utimes(join(folder(), name), at, at)
    }
    await sweepKilled(home(), Date.now())
    const left = ['before-e5', 'before-f6', 'drill-b2', 'restoring-d4', 'restoring-e5']
    assert.deepEqual(
      (await beside()).filter((name) => name.startsWith('home.')),
      left.map((name) => `home.${name}`),
    )
  })

  for (const [what, make] of [
    ['a pipe', (path: string) => spawnSync('mkfifo', [path])],
    ['a folder', (path: string) => mkdir(path)],
    ['nothing', () => undefined],
  ] as const) {
    it(`takes ${what} for no backup, and does not wait for it`, async () => {
      const other = join(folder(), 'other')
      await make(other)
      const refused = (err: unknown): boolean => isFailure(err, 'usage')
      await assert.rejects(restore({ file: other }), refused)
      await assert.rejects(sealOf(other), refused)
      await assert.rejects(sha256OfFile(other), refused)
      assert.deepEqual(await readHome(home()), two)
    })
  }

  it('leaves the old home or the new one, whole, wherever it is killed', async () => {
    await writeHome(home(), { 'profiles/work/identity.json': 'work' })
    const found = { old: 0, new: 0 }
    for (let changes = 0; ; changes += 1) {
      const place = join(folder(), `place-${changes}`)
      await cp(home(), join(place, 'home'), { recursive: true })
      const died = await dies(changes, () => restore({ home: join(place, 'home') }))
      // As another process finds it: what is dead here still holds its locks.
      const after = join(folder(), `after-${changes}`)
      await cp(place, after, { recursive: true })
      await finishRestore(join(after, 'home'))
      const { 'profiles/work/identity.json': work, ...left } = await readHome(join(after, 'home'))
      const which = left['identity.json'] === 'identity one' ? 'new' : 'old'
      assert.equal(work, 'work')
      assert.deepEqual(left, which === 'new' ? one : two)
      found[which] += 1
      assert.ok(which === 'old' || found.old > 0, 'the new home came before the old one went')
      // The next restore takes away what this one has left, before it reads.
      const signal = AbortSignal.abort(new Error('given up'))
      await assert.rejects(restore({ home: join(after, 'home'), id: 'b2', signal }), /given up/)
      const rest = (await readdir(after)).filter((name) => /restor/.test(name))
      assert.deepEqual(rest, [])
      if (!died) break
    }
    assert.ok(found.old >= 8 && found.new >= 5, JSON.stringify(found))
  })
})
