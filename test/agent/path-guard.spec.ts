import assert from 'node:assert/strict'
import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAX_WRITTEN_BYTES, Workspace } from '../../src/agent/workspace.ts'
import { isFailure } from '../../src/protocol/errors.ts'

const ROUNDS = 400

describe('PathGuard, by the workspace', () => {
  let folder: string
  let root: string
  let workspace: Workspace

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kith-guard-'))
    root = join(folder, 'work')
    await mkdir(join(root, 'docs'), { recursive: true })
    await mkdir(join(folder, 'outside'))
    await writeFile(join(root, 'docs/a.txt'), 'inside')
    await writeFile(join(folder, 'outside/a.txt'), 'secret')
    workspace = new Workspace(root)
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('writes a file, its folders too, for its owner alone', async () => {
    await workspace.write('new/deep/file.txt', 'x')
    assert.equal(await workspace.read('new/deep/file.txt'), 'x')
    assert.equal((await stat(join(root, 'new/deep/file.txt'))).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(root, 'new/deep')), ['file.txt'])
  })

  it('edits what stands once in a file, and nothing else', async () => {
    await workspace.edit('docs/a.txt', 'side', 'door')
    assert.equal(await workspace.read('docs/a.txt'), 'indoor')
    for (const before of ['o', 'zzz']) {
      await assert.rejects(workspace.edit('docs/a.txt', before, 'x'), (err) =>
        isFailure(err, 'bad-request'),
      )
    }
  })

  for (const path of [
    '../outside/a.txt',
    '/etc/x',
    'docs/../../x',
    '.env',
    'id_rsa',
    'a.pem',
    'a/.git/x',
    'a\0b',
  ]) {
    it(`writes nothing at ${JSON.stringify(path)}`, async () => {
      await assert.rejects(workspace.write(path, 'x'), (err) => isFailure(err, 'denied'))
    })
  }

  it('writes through no link, to a file or over a folder', async () => {
    await symlink(join(folder, 'outside'), join(root, 'link'))
    await symlink(join(folder, 'outside/a.txt'), join(root, 'file'))
    for (const path of ['link/a.txt', 'link/new.txt', 'file']) {
      await assert.rejects(workspace.write(path, 'x'), (err) => isFailure(err, 'denied'))
    }
    assert.equal(await readFile(join(folder, 'outside/a.txt'), 'utf8'), 'secret')
    assert.deepEqual(await readdir(join(folder, 'outside')), ['a.txt'])
  })

  it('takes a file of the largest size and none above', async () => {
    await workspace.write('big', 'x'.repeat(MAX_WRITTEN_BYTES))
    await assert.rejects(workspace.write('big', 'x'.repeat(MAX_WRITTEN_BYTES + 1)), (err) =>
      isFailure(err, 'too-large'),
    )
  })

  it('is not led out by one who swaps a folder for a link, again and again', async function () {
    if (process.platform !== 'linux') this.skip()
    let swapping = true
    const docs = join(root, 'docs')
    const outcome = [() => true, () => false] as const
    const swap = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        await rename(docs, join(root, 'kept'))
        // A write may have made the folder anew meanwhile.
        await symlink(join(folder, 'outside'), docs).catch(() => undefined)
        // Nor may a write put something into it while it goes.
        do await rm(docs, { recursive: true, force: true }).catch(() => undefined)
        while (!(await rename(join(root, 'kept'), docs).then(...outcome)))
      }
      swapping = false
    }
    const use = async (): Promise<void> => {
      while (swapping) {
        const text = await workspace.read('docs/a.txt').catch(() => 'refused')
        assert.notEqual(text, 'secret')
        await workspace.write('docs/b.txt', 'written').catch(() => undefined)
      }
    }
    await Promise.all([swap(), use()])
    assert.deepEqual(await readdir(join(folder, 'outside')), ['a.txt'])
  })
})
