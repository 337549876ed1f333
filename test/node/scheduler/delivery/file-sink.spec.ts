import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, readdir, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { deliverToFile } from '../../../../src/node/scheduler/delivery/file-sink.ts'
import type { Delivery } from '../../../../src/node/scheduler/delivery/delivery.ts'
import { isFailure } from '../../../../src/protocol/errors.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { deliveryOf, doneRun } from '../../../helpers/results.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

describe('delivery to a file', () => {
  const folder = tempFolder()
  /** What a later run has written, if one has. */
  let later: string | undefined

  beforeEach(async () => {
    later = undefined
    await mkdir(join(folder(), 'home', 'workspace'), { recursive: true })
    await mkdir(join(folder(), 'out'))
  })

  async function deliver(path: string, text: string): Promise<void> {
    const home = { path: join(folder(), 'home'), workspace: join(folder(), 'home', 'workspace') }
    const deliveries = {
      isPast: ({ to }: Pick<Delivery, 'to'>) => to.kind === 'file' && to.path === later,
    }
    const job = jobOf('digest', { deliver: [{ file: path }] })
    const row = deliveryOf(job, doneRun('digest', 1_000))
    const end = await deliverToFile({ deliveries, home }, row, path, text)
    assert.deepEqual(end, { kind: 'done' })
  }

  it('puts the result there, for its owner alone, in the place of the one before', async () => {
    const path = join(folder(), 'out', 'digest.md')
    await deliver(path, 'first ü\n')
    await deliver(path, 'second\n')
    assert.equal(await readFile(path, 'utf8'), 'second\n')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(folder(), 'out')), ['digest.md'])
  })

  it('leaves what a later run has put there', async () => {
    const path = join(folder(), 'out', 'digest.md')
    await deliver(path, 'newer')
    later = path
    await deliver(path, 'older')
    assert.equal(await readFile(path, 'utf8'), 'newer')
    later = `${path}.other`
    await deliver(path, 'older')
    assert.equal(await readFile(path, 'utf8'), 'older')
  })

  it('fails without its folder, and where it may not write', async () => {
    const path = join(folder(), 'none', 'digest.md')
    await assert.rejects(deliver(path, 'x'), (err: unknown) => isFailure(err, 'delivery-failed'))
    await mkdir(join(folder(), 'none'))
    await deliver(path, 'x')
    if (process.geteuid?.() === 0) return
    await chmod(join(folder(), 'none'), 0o500)
    await assert.rejects(deliver(path, 'x'), { code: 'EACCES' })
    await chmod(join(folder(), 'none'), 0o700)
  })

  it('replaces a link, and not what it leads to', async () => {
    const path = join(folder(), 'out', 'digest.md')
    await deliver(join(folder(), 'out', 'other'), 'kept')
    await symlink('other', path)
    await deliver(path, 'x')
    assert.equal(await readFile(join(folder(), 'out', 'other'), 'utf8'), 'kept')
  })

  it('writes nothing of this node: a result is no config', async () => {
    await symlink('../home', join(folder(), 'out', 'link'))
    const paths = ['home/config.yaml', 'home/workspace/../peers.yaml', 'out/link/jobs.yaml']
    for (const path of paths) {
      await assert.rejects(
        deliver(join(folder(), path), 'x'),
        (err: unknown) => isFailure(err, 'denied') && err.details.rule === 'home',
      )
    }
    await deliver(join(folder(), 'home', 'workspace', 'digest.md'), 'x')
    await deliver(join(folder(), 'homely.md'), 'x')
  })
})
