import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { listFolder, readFeedFile } from '../../../../src/node/scheduler/feed/folder.ts'
import { refusalOf } from '../../../../src/node/scheduler/feed/select.ts'
import type { FolderFile } from '../../../../src/node/scheduler/feed/select.ts'
import { isFailure } from '../../../../src/protocol/errors.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const never = new AbortController().signal
const rule = { maxBytes: 1_000 }

describe('folder of a feed', () => {
  const folder = tempFolder()

  async function list(accept = ['*']): Promise<FolderFile[]> {
    return await listFolder(folder(), accept, () => undefined, never)
  }

  async function only(): Promise<FolderFile> {
    const [file] = await list()
    assert.ok(file !== undefined)
    return file
  }

  it('has the files with names that are accepted, and says what they are', async () => {
    await writeFile(join(folder(), 'a.md'), 'four')
    for (const name of ['.a.md', 'a.md.part', 'a.txt']) await writeFile(join(folder(), name), 'x')
    const files = await list(['*.md'])
    assert.deepEqual(
      files.map(({ name, regular, sizeBytes }) => [name, regular, sizeBytes]),
      [['a.md', true, 4]],
    )
    assert.match(files[0]?.changed ?? '', /^\d{20}$/)
  })

  it('refuses all that is no file: links, folders, pipes, sockets', async () => {
    const outside = join(folder(), '.secret')
    await writeFile(outside, 'secret')
    await symlink(outside, join(folder(), 'link'))
    await symlink('/dev/zero', join(folder(), 'device'))
    await mkdir(join(folder(), 'folder'))
    execFileSync('mkfifo', [join(folder(), 'pipe')])
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(folder(), 'socket'), resolve))
    try {
      const files = await list()
      assert.equal(files.length, 5)
      for (const file of files) {
        assert.equal(refusalOf(file, rule), 'is no regular file', file.name)
        // Also for one that takes the place of a file after the look: no open waits, and no link is followed.
        assert.equal(await readFeedFile(folder(), { ...file, regular: true }), 'changed', file.name)
      }
    } finally {
      server.close()
    }
  })

  it('takes names as they are, whatever they are for a terminal or a path', async () => {
    const names = ['-rf', '..md', 'a\nb', '\u001b[2J', '$(reboot)', 'ü', '%2e%2e%2f']
    for (const name of names) await writeFile(join(folder(), name), name)
    const files = await list()
    assert.deepEqual(
      files.map(({ name }) => name).sort(),
      names.filter((name) => !name.startsWith('.')).sort(),
    )
    for (const file of files) {
      const read = await readFeedFile(folder(), file)
      assert.ok(read !== 'changed' && 'bytes' in read)
      assert.equal(Buffer.from(read.bytes).toString(), file.name)
    }
  })

  it('leaves a file whose name is no text', async () => {
    await writeFile(Buffer.concat([Buffer.from(join(folder(), 'a')), Buffer.from([0xff])]), 'x')
    assert.deepEqual(await list(), [])
  })

  for (const [what, change] of [
    [
      'grows',
      async (path: string) => {
        await appendFile(path, 'more')
      },
    ],
    [
      'shrinks',
      async (path: string) => {
        await truncate(path, 1)
      },
    ],
    [
      'goes',
      async (path: string) => {
        await rm(path)
      },
    ],
    [
      'gets another mode',
      async (path: string) => {
        await chmod(path, 0o640)
      },
    ],
    [
      'is replaced by another',
      async (path: string) => {
        await writeFile(`${path}.new`, 'same')
        await rename(`${path}.new`, path)
      },
    ],
    [
      'is replaced by a link',
      async (path: string) => {
        await rename(path, `${path}.old`)
        await symlink(`${path}.old`, path)
      },
    ],
    [
      'gets a second name',
      async (path: string) => {
        await link(path, `${path}.link`)
      },
    ],
  ] as const) {
    it(`does not read a file that ${what} after the look`, async () => {
      const path = join(folder(), 'a.md')
      await writeFile(path, 'text')
      const file = await only()
      await nextTick(path)
      await change(path)
      assert.equal(await readFeedFile(folder(), file), 'changed')
    })
  }

  it('says when a file may not be read', async function () {
    if (process.geteuid?.() === 0) this.skip()
    const path = join(folder(), 'a.md')
    await writeFile(path, 'text', { mode: 0o000 })
    assert.deepEqual(await readFeedFile(folder(), await only()), { why: 'may not be read by us' })
  })

  for (const [mode, ok] of [
    [0o700, true],
    [0o755, true],
    [0o775, false],
    [0o702, false],
    [0o1777, false],
  ] as const) {
    it(`${ok ? 'takes' : 'refuses'} a folder of mode ${mode.toString(8)}`, async () => {
      await chmod(folder(), mode)
      const listing = list()
      if (ok) await listing
      else await assert.rejects(listing, (err: unknown) => isFailure(err, 'unsafe-file'))
    })
  }

  it('refuses a link to a folder, a file, and what is not there', async () => {
    const path = join(folder(), 'place')
    const at = async (): Promise<unknown> => await listFolder(path, ['*'], () => undefined, never)
    await assert.rejects(at(), (err: unknown) => isFailure(err, 'invalid-file'))
    await symlink(folder(), path)
    await assert.rejects(at(), (err: unknown) => isFailure(err, 'unsafe-file'))
    await rm(path)
    await writeFile(path, '')
    await assert.rejects(at(), (err: unknown) => isFailure(err, 'unsafe-file'))
  })
})

/** Resolves once the clock of the file system has gone on: two changes within one tick have the same time. */
async function nextTick(path: string): Promise<void> {
  const { ctimeNs } = await stat(path, { bigint: true })
  const probe = `${path}.part`
  do await writeFile(probe, '')
  while ((await stat(probe, { bigint: true })).ctimeNs <= ctimeNs)
}
