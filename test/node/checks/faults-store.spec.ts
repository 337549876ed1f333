import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Level } from 'level'
import { toError } from '../../../src/protocol/errors.ts'
import { Database } from '../../../src/store/database.ts'
import { versionFindings } from '../../../src/node/checks/version-check.ts'
import { helloOf } from '../../../src/node/hello.ts'
import type { Surroundings } from '../../../src/node/surroundings.ts'
import { checkedNodes } from '../../helpers/checked-node.ts'
import type { CheckedNode } from '../../helpers/checked-node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const run = promisify(execFile)

/*
 * Checks of the disk: a real fault makes each fail, and the remedy that it names clears it.
 */
describe('checks of the store and its disk', function () {
  this.timeout(60_000)
  const make = checkedNodes()
  const folder = tempFolder()

  it('F58: store fails once the disk has refused a write, until it is made good and the node restarted', async () => {
    const anna: CheckedNode = make()
    let full = false
    const database = await refusing(join(folder(), 'store'), () => full)
    const around = (same: Surroundings): Surroundings => {
      void same.database.close()
      return { ...same, database }
    }
    await anna.start({ around })
    await anna.says('store', 'ok')
    full = true
    anna.node.alerts.raise({ kind: 'budget', what: 'something to write', hint: 'nothing' })
    await eventually(() => anna.says('store', 'fail', /could not write/))
    full = false
    await anna.stop()
    await anna.start()
    await anna.says('store', 'ok')
  })

  it('F58: disk warns and fails as the disk of the home fills, and is well when there is room', async function () {
    const mount = join(folder(), 'disk')
    await mkdir(mount)
    // A disk of 16 MiB in a name space of its own, of which the test takes nearly all.
    const steps = [
      `mount -t tmpfs -o size=16m,mode=700,nr_inodes=200 none ${mount}`,
      `look() { node -e 'import("${import.meta.dirname}/../../../src/node/checks/disk-check.ts").then(async (m) => console.log((await m.diskFindings("${mount}")).map((f) => f.state).join()))'; }`,
      'look',
      `head -c 15500000 /dev/zero > ${mount}/big; look`,
      `head -c 16700000 /dev/zero > ${mount}/big 2>/dev/null; look`,
      `rm ${mount}/big; look`,
      `i=0; while [ $i -lt 198 ]; do : > ${mount}/f$i; i=$((i+1)); done; look`,
      `rm ${mount}/f*; look`,
    ]
    const said: Error | { stdout: string } = await run('unshare', [
      '-rm',
      'sh',
      '-c',
      steps.join('\n'),
    ]).catch((err: unknown) => toError(err))
    if (said instanceof Error && /unshare|mount|ENOENT/.test(said.message)) {
      process.stderr.write('    SKIPPED: no name space of its own for a small disk here\n')
      this.skip()
    }
    assert.ok(!(said instanceof Error), said instanceof Error ? said.message : '')
    assert.deepEqual(said.stdout.trim().split('\n'), ['ok', 'warn', 'fail', 'ok', 'fail', 'ok'])
  })

  it('F58: versions warns of a peer that runs a later kith, until this node does', () => {
    const met = (software: string): ReturnType<typeof versionFindings> =>
      versionFindings({
        pins: { peers: () => [peerOf('bob')] },
        links: {
          get: () => ({ openedAt: 0, hello: { ...helloOf({ at: 0, sn: 0, epoch: 1 }), software } }),
        },
      })
    const [found] = met('kith/99.1.0')
    assert.deepEqual([found?.state, found?.details?.['version']], ['warn', '99.1.0'])
    assert.match(found?.hint ?? '', /^update kith on this machine/)
    for (const same of ['kith/0.0.1', 'other/7', helloOf({ at: 0, sn: 0, epoch: 1 }).software]) {
      assert.deepEqual(
        met(same).map(({ state }) => state),
        ['ok'],
      )
    }
  })
})

/** A database on a disk that takes no write while `full` says so. */
async function refusing(path: string, full: () => boolean): Promise<Database> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const level = new Level<string, Uint8Array>(path, { valueEncoding: 'view' })
  await level.open()
  const batch: (...given: never[]) => Promise<void> = level.batch.bind(level)
  Object.assign(level, {
    batch: async (...given: never[]) => {
      if (full()) throw new Error('ENOSPC: no space left on device')
      await batch(...given)
    },
  })
  return await Database.over(level, path)
}
