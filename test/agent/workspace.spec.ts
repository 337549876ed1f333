import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { MAX_DEPTH } from '../../src/agent/path-guard.ts'
import type { Hit } from '../../src/agent/workspace.ts'
import {
  LINES_A_TURN,
  MAX_LISTED_ENTRIES,
  MAX_LISTED_FILES,
  MAX_READ_BYTES,
  MAX_SEARCHED_BYTES,
  Workspace,
} from '../../src/agent/workspace.ts'
import { isFailure } from '../../src/protocol/errors.ts'

const signal = new AbortController().signal

describe('Workspace', () => {
  let folder: string
  let root: string
  let workspace: Workspace

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kith-workspace-'))
    root = join(folder, 'work')
    workspace = new Workspace(root)
    await mkdir(root)
    await writeFile(join(folder, 'outside.txt'), 'secret')
  })

  afterEach(() => rm(folder, { recursive: true }))

  async function put(path: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }

  async function search(...words: string[]): Promise<Hit[]> {
    const { paths } = await workspace.list(signal)
    return Array.fromAsync(workspace.search(paths, words, signal))
  }

  const withheld = [
    '.env',
    '.ssh/config',
    'docs/.git/config',
    'id_rsa',
    'ID_ed25519.pub',
    'tls.pem',
    'tls.KEY',
    'tls.key.',
    'tls.pem ',
    'keys.key/readme',
    'a\\b',
  ]

  describe('list', () => {
    it('has the files below the folder, in order', async () => {
      for (const path of ['b.md', 'a/c/d.txt', 'a/b.md']) await put(path, 'x')
      const listing = await workspace.list(signal)
      assert.deepEqual(listing, { paths: ['a/b.md', 'a/c/d.txt', 'b.md'], complete: true })
    })

    it('has no hidden files, no keys and no links', async () => {
      for (const path of withheld) await put(path, 'x')
      await put('monkey.txt', 'x')
      await symlink(join(folder, 'outside.txt'), join(root, 'link.txt'))
      await symlink(folder, join(root, 'out'))
      await symlink(join(root, 'monkey.txt'), join(root, 'within.txt'))
      assert.deepEqual((await workspace.list(signal)).paths, ['monkey.txt'])
    })

    it('is empty without a workspace', async () => {
      const none = new Workspace(join(folder, 'none'))
      assert.deepEqual(await none.list(signal), { paths: [], complete: true })
    })

    it('stops at its number of files, and says so', async () => {
      for (let number = 0; number < MAX_LISTED_FILES; number++) await put(`${number}.txt`, '')
      assert.equal((await workspace.list(signal)).complete, true)
      await put('deep/one-more.txt', '')
      const { paths, complete } = await workspace.list(signal)
      assert.equal(paths.length, MAX_LISTED_FILES)
      assert.equal(complete, false)
    })

    it('stops at its number of entries, also where it lists none of them', async () => {
      for (let number = 0; number < MAX_LISTED_ENTRIES; number++) {
        writeFileSync(join(root, `.${number}`), '')
      }
      assert.equal((await workspace.list(signal)).complete, true)
      await put('.more', '')
      assert.equal((await workspace.list(signal)).complete, false)
    })

    it('has what can be read and nothing deeper, and says so', async () => {
      const deepest = `${'a/'.repeat(MAX_DEPTH - 1)}x`
      await workspace.write(deepest, 'x')
      assert.deepEqual(await workspace.list(signal), { paths: [deepest], complete: true })
      await assert.rejects(workspace.write(`a/${deepest}`, 'x'), { code: 'bad-request' })
      await put(`a/${deepest}`, 'x')
      assert.deepEqual(await workspace.list(signal), { paths: [deepest], complete: false })
    })

    it('ends when it is aborted', async () => {
      await put('a.txt', '')
      const reason = new Error('enough')
      await assert.rejects(workspace.list(AbortSignal.abort(reason)), reason)
    })
  })

  describe('read', () => {
    it('has the text of a file', async () => {
      await put('docs/a.md', 'Grüße\n')
      assert.equal(await workspace.read('docs/a.md'), 'Grüße\n')
      assert.equal(await workspace.read('./docs//a.md'), 'Grüße\n')
    })

    it('works in a folder that the owner made a link to', async () => {
      await put('a.md', 'x')
      await symlink(root, join(folder, 'link'))
      assert.equal(await new Workspace(join(folder, 'link')).read('a.md'), 'x')
    })

    const escapes = ['../outside.txt', 'docs/../../outside.txt', '/etc/passwd', '..', 'a\0b']
    for (const path of [...escapes, ...withheld]) {
      it(`refuses ${JSON.stringify(path)}, whether or not it is there`, async () => {
        const refused = (err: unknown): boolean =>
          isFailure(err, 'denied') && err.details.rule === 'workspace'
        await assert.rejects(workspace.read(path), refused)
        if (withheld.includes(path)) await put(path, 'x')
        await assert.rejects(workspace.read(path), refused)
      })
    }

    const links = [
      { title: 'a file outside', to: 'outside.txt', path: 'link' },
      { title: 'a file within', to: 'work/a.md', path: 'link' },
      { title: 'a folder outside', to: '.', path: 'link/outside.txt' },
      { title: 'a folder outside, for a file that is not there', to: '.', path: 'link/none' },
      { title: 'a folder within', to: 'work/docs', path: 'link/b.md' },
      { title: 'nothing', to: 'none', path: 'link' },
    ]
    for (const { title, to, path } of links) {
      it(`does not follow a link to ${title}`, async () => {
        await put('a.md', 'x')
        await put('docs/b.md', 'x')
        await symlink(join(folder, to), join(root, 'link'))
        await assert.rejects(workspace.read(path), (err) => isFailure(err, 'denied'))
      })
    }

    for (const path of ['none.txt', 'none/a.md', 'a.md/b', 'x'.repeat(300)]) {
      it(`says that there is no such file: ${path.slice(0, 20)}`, async () => {
        await put('a.md', 'x')
        await assert.rejects(
          workspace.read(path),
          (err) => isFailure(err, 'bad-request') && err.details.what === 'no such file',
        )
      })
    }

    for (const path of ['docs', '', '.']) {
      it(`says that a folder is not a file: ${JSON.stringify(path)}`, async () => {
        await mkdir(join(root, 'docs'))
        await assert.rejects(
          workspace.read(path),
          (err) => isFailure(err, 'bad-request') && err.details.what === 'not a file',
        )
      })
    }

    it('does not wait at a named pipe', async () => {
      await promisify(execFile)('mkfifo', [join(root, 'pipe')])
      await assert.rejects(
        workspace.read('pipe'),
        (err) => isFailure(err, 'bad-request') && err.details.what === 'not a file',
      )
    })

    const binaries = [
      { title: 'a zero byte', bytes: Buffer.from('a\0b') },
      { title: 'a broken code point', bytes: Buffer.from([0x61, 0xc3]) },
      { title: 'Latin-1', bytes: Buffer.from('é', 'latin1') },
    ]
    for (const { title, bytes } of binaries) {
      it(`says that ${title} is not text`, async () => {
        await put('a.bin', bytes)
        await assert.rejects(
          workspace.read('a.bin'),
          (err) => isFailure(err, 'bad-request') && err.details.what === 'not a text file',
        )
      })
    }

    it('reads a file of the largest size and none above', async () => {
      await put('large.txt', 'x'.repeat(MAX_READ_BYTES))
      assert.equal((await workspace.read('large.txt')).length, MAX_READ_BYTES)
      await put('large.txt', 'x'.repeat(MAX_READ_BYTES + 1))
      await assert.rejects(
        workspace.read('large.txt'),
        (err) => isFailure(err, 'too-large') && err.details.bytes === MAX_READ_BYTES + 1,
      )
    })
  })

  describe('search', () => {
    it('has each line that holds all words', async () => {
      await put('a.md', 'the Disk\nthe disk is SDB\n')
      await put('b/c.md', 'sdb: the disk')
      assert.deepEqual(await search('sdb', 'disk'), [
        { path: 'a.md', line: 2, text: 'the disk is SDB' },
        { path: 'b/c.md', line: 1, text: 'sdb: the disk' },
      ])
    })

    it('leaves out what is no text, what is withheld and what is a link', async () => {
      await put('a.bin', 'secret\0')
      await put('.env', 'secret')
      await symlink(join(folder, 'outside.txt'), join(root, 'link.txt'))
      assert.deepEqual(await search('secret'), [])
    })

    it('searches a file of the largest size and none above', async () => {
      const end = '\nneedle'
      await put('fits.txt', 'x'.repeat(MAX_SEARCHED_BYTES - end.length) + end)
      await put('large.txt', 'x'.repeat(MAX_SEARCHED_BYTES - end.length + 1) + end)
      assert.deepEqual(
        (await search('needle')).map(({ path }) => path),
        ['fits.txt'],
      )
    })

    it('leaves out a file that went away after it was listed', async () => {
      const hits = workspace.search(['gone.txt'], ['x'], signal)
      assert.deepEqual(await Array.fromAsync(hits), [])
    })

    it('reads no path that could not be read by itself', async () => {
      const hits = workspace.search(['../outside.txt'], ['secret'], signal)
      assert.deepEqual(await Array.fromAsync(hits), [])
    })

    it('ends between two files when it is aborted', async () => {
      await put('a.txt', 'x')
      const aborting = new AbortController()
      const hits = workspace.search(['a.txt', 'a.txt'], ['x'], aborting.signal)
      await hits.next()
      aborting.abort(new Error('enough'))
      await assert.rejects(hits.next(), /enough/)
    })

    it('ends within a long file when it is aborted', async () => {
      await put('long.txt', `needle\n${'\n'.repeat(LINES_A_TURN)}needle`)
      const aborting = new AbortController()
      const hits = workspace.search(['long.txt'], ['needle'], aborting.signal)
      assert.equal((await hits.next()).done, false)
      setImmediate(() => {
        aborting.abort(new Error('enough'))
      })
      await assert.rejects(hits.next(), /enough/)
    })

    it('has the lines beyond the first turn, by their number', async () => {
      await put('long.txt', '\n'.repeat(2 * LINES_A_TURN) + 'needle')
      const lines = (await search('needle')).map(({ line }) => line)
      assert.deepEqual(lines, [2 * LINES_A_TURN + 1])
    })
  })
})
