import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  link,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../src/protocol/errors.ts'
import {
  checkPrivateFolder,
  createPrivateFile,
  erasePrivateFile,
  makePrivateFolder,
  readPrivateFile,
  removePrivateFile,
  replacePrivateFile,
  writePrivateFile,
} from '../../src/store/atomic-file.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const NOBODY = 65_534

const old = Buffer.from('old')
const fresh = Buffer.from('fresh')

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

/** The advice of an `unsafe-file` failure, which also is its hint. */
function fixes(fix: string) {
  return (err: unknown): boolean =>
    isFailure(err, 'unsafe-file') && err.details.fix === fix && err.hint === fix
}

describe('atomic file', () => {
  const folder = tempFolder()
  const file = (): string => join(folder(), 'file')

  describe('reading', () => {
    it('gives the bytes of a file of ours', async () => {
      await writePrivateFile(file(), fresh)
      assert.deepEqual(await readPrivateFile(file()), fresh)
    })

    it('gives undefined for a file that is not there', async () => {
      assert.equal(await readPrivateFile(file()), undefined)
    })

    const modes = [
      { mode: 0o600, plain: true, secret: true },
      { mode: 0o400, plain: true, secret: true },
      { mode: 0o644, plain: true, secret: false },
      { mode: 0o640, plain: true, secret: false },
      { mode: 0o620, plain: false, secret: false },
      { mode: 0o602, plain: false, secret: false },
      { mode: 0o601, plain: true, secret: false },
    ]
    for (const { mode, ...taken } of modes) {
      for (const kind of ['plain', 'secret'] as const) {
        it(`${taken[kind] ? 'takes' : 'refuses'} a ${kind} file of mode ${mode.toString(8)}`, async () => {
          await writeFile(file(), fresh)
          await chmod(file(), mode)
          const reading = readPrivateFile(file(), { secret: kind === 'secret' })
          if (taken[kind]) assert.deepEqual(await reading, fresh)
          else await assert.rejects(reading, fixes(`chmod 600 ${file()}`))
        })
      }
    }

    it('refuses a link, also one to a good file', async () => {
      await writePrivateFile(join(folder(), 'target'), fresh)
      await symlink(join(folder(), 'target'), file())
      await assert.rejects(readPrivateFile(file()), fixes(`put the file itself at ${file()}`))
    })

    it('refuses a folder', async () => {
      await mkdir(file(), { mode: 0o700 })
      await assert.rejects(readPrivateFile(file()), fixes(`move ${file()} away`))
    })

    it('refuses a FIFO without waiting for its writer', async () => {
      execFileSync('mkfifo', ['-m', '600', file()])
      await assert.rejects(readPrivateFile(file()), fixes(`move ${file()} away`))
    })

    it('refuses a file of somebody else', async function () {
      if (process.geteuid?.() !== 0) this.skip()
      await writePrivateFile(file(), fresh)
      await chown(file(), NOBODY, NOBODY)
      await assert.rejects(readPrivateFile(file()), fixes(`chown 0 ${file()}`))
    })

    it('refuses a file that it may not read', async function () {
      if (process.geteuid?.() !== 0) this.skip()
      await writePrivateFile(file(), fresh)
      await chmod(folder(), 0o755)
      process.seteuid?.(NOBODY)
      try {
        const fix = `chown ${NOBODY} ${file()} && chmod 600 ${file()}`
        await assert.rejects(readPrivateFile(file()), fixes(fix))
      } finally {
        process.seteuid?.(0)
      }
    })

    it('takes a file as long as the limit and refuses a longer one', async () => {
      await writePrivateFile(file(), Buffer.alloc(10))
      assert.equal((await readPrivateFile(file(), { maxBytes: 10 }))?.byteLength, 10)
      await assert.rejects(
        readPrivateFile(file(), { maxBytes: 9 }),
        (err) => isFailure(err, 'invalid-file') && err.details.path === file(),
      )
    })
  })

  describe('writing', () => {
    it('makes a file of mode 0600 and leaves nothing beside it', async () => {
      await writePrivateFile(file(), fresh)
      assert.equal(await modeOf(file()), 0o600)
      assert.deepEqual(await readdir(folder()), ['file'])
    })

    it('replaces what is there, and its mode', async () => {
      await writeFile(file(), old, { mode: 0o644 })
      await writePrivateFile(file(), fresh)
      assert.deepEqual(await readFile(file()), fresh)
      assert.equal(await modeOf(file()), 0o600)
    })

    it('replaces a link instead of writing through it', async () => {
      const target = join(folder(), 'target')
      await writeFile(target, old)
      await symlink(target, file())
      await writePrivateFile(file(), fresh)
      assert.deepEqual(await readFile(target), old)
      assert.deepEqual(await readPrivateFile(file()), fresh)
    })

    it('leaves nothing beside the file when it fails', async () => {
      await mkdir(file())
      await assert.rejects(writePrivateFile(file(), fresh))
      assert.deepEqual(await readdir(folder()), ['file'])
    })
  })

  describe('creating', () => {
    it('makes a file of mode 0600 and leaves nothing beside it', async () => {
      await createPrivateFile(file(), fresh)
      assert.deepEqual(await readPrivateFile(file(), { secret: true }), fresh)
      assert.deepEqual(await readdir(folder()), ['file'])
    })

    it('leaves a file that is there as it is', async () => {
      await writePrivateFile(file(), old)
      await assert.rejects(createPrivateFile(file(), fresh), (err) => isFailure(err, 'exists'))
      assert.deepEqual(await readFile(file()), old)
      assert.deepEqual(await readdir(folder()), ['file'])
    })

    it('does not follow a link that leads nowhere', async () => {
      await symlink(join(folder(), 'nowhere'), file())
      await assert.rejects(createPrivateFile(file(), fresh), (err) => isFailure(err, 'exists'))
      assert.equal(existsSync(join(folder(), 'nowhere')), false)
    })
  })

  describe('replacing', () => {
    it('replaces a file that is as expected', async () => {
      await writePrivateFile(file(), old)
      assert.equal(await replacePrivateFile(file(), old, fresh), true)
      assert.deepEqual(await readFile(file()), fresh)
    })

    it('makes a file where none is expected', async () => {
      assert.equal(await replacePrivateFile(file(), undefined, fresh), true)
      assert.deepEqual(await readFile(file()), fresh)
    })

    for (const before of [undefined, Buffer.from('other')]) {
      it(`does nothing when ${before === undefined ? 'nothing' : 'something else'} is expected`, async () => {
        await writePrivateFile(file(), old)
        assert.equal(await replacePrivateFile(file(), before, fresh), false)
        assert.deepEqual(await readFile(file()), old)
        assert.deepEqual(await readdir(folder()), ['file'])
      })
    }

    it('does nothing when the file that is expected is gone', async () => {
      assert.equal(await replacePrivateFile(file(), old, fresh), false)
      assert.deepEqual(await readdir(folder()), [])
    })

    it('lets one of two win that expect the same', async () => {
      await writePrivateFile(file(), old)
      const won = await Promise.all([
        replacePrivateFile(file(), old, fresh),
        replacePrivateFile(file(), old, fresh),
      ])
      assert.deepEqual(won.toSorted(), [false, true])
    })
  })

  describe('removing', () => {
    it('takes the name away and leaves the bytes under another one', async () => {
      await writePrivateFile(file(), fresh)
      await link(file(), join(folder(), 'other'))
      await removePrivateFile(file())
      assert.deepEqual(await readdir(folder()), ['other'])
      assert.deepEqual(await readFile(join(folder(), 'other')), fresh)
    })

    it('does nothing where no file is', async () => {
      await removePrivateFile(file())
      assert.deepEqual(await readdir(folder()), [])
    })
  })

  describe('erasing', () => {
    it('takes the name away, and what was in the file from all its names', async () => {
      await writePrivateFile(file(), fresh)
      await link(file(), join(folder(), 'other'))
      await erasePrivateFile(file())
      assert.deepEqual(await readdir(folder()), ['other'])
      assert.deepEqual(await readFile(join(folder(), 'other')), Buffer.alloc(fresh.byteLength))
    })

    it('takes a file that may not be written', async () => {
      await writeFile(file(), fresh, { mode: 0o400 })
      await erasePrivateFile(file())
      assert.deepEqual(await readdir(folder()), [])
    })

    it('does nothing where no file is', async () => {
      await erasePrivateFile(file())
      assert.deepEqual(await readdir(folder()), [])
    })

    it('takes a link away and leaves what it leads to', async () => {
      await writePrivateFile(join(folder(), 'target'), fresh)
      await symlink(join(folder(), 'target'), file())
      await erasePrivateFile(file())
      assert.deepEqual(await readdir(folder()), ['target'])
      assert.deepEqual(await readFile(join(folder(), 'target')), fresh)
    })
  })

  describe('folders', () => {
    it('are made, with those above them, closed to others', async () => {
      const path = join(folder(), 'a', 'b')
      await makePrivateFolder(path)
      assert.equal(await modeOf(path), 0o700)
      assert.equal(await modeOf(join(folder(), 'a')), 0o700)
    })

    for (const mode of [0o750, 0o705, 0o701, 0o770]) {
      it(`are refused with mode ${mode.toString(8)}`, async () => {
        await mkdir(file())
        await chmod(file(), mode)
        await assert.rejects(checkPrivateFolder(file()), fixes(`chmod 700 ${file()}`))
        await assert.rejects(makePrivateFolder(file()), fixes(`chmod 700 ${file()}`))
      })
    }

    it('are no links to folders', async () => {
      await mkdir(join(folder(), 'target'), { mode: 0o700 })
      await symlink(join(folder(), 'target'), file())
      await assert.rejects(checkPrivateFolder(file()), fixes(`move ${file()} away`))
    })

    it('of somebody else are refused', async function () {
      if (process.geteuid?.() !== 0) this.skip()
      await mkdir(file(), { mode: 0o700 })
      await chown(file(), NOBODY, NOBODY)
      await assert.rejects(checkPrivateFolder(file()), fixes(`chown 0 ${file()}`))
    })
  })
})
