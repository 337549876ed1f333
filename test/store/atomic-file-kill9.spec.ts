import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { leftoversOf } from '../../src/node/checks/leftovers.ts'
import { applyFixes, planFixes } from '../../src/node/fix-safe.ts'
import { homeOf } from '../../src/node/home.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

/** Times that a writer is killed, of four at once: a share, and with `npm run crash:files` all of them. */
const KILLS = process.env['KITH_CRASH_POINTS'] === 'all' ? 200 : 40
const LANES = 4

/** A writer that is ready is killed at a moment within so many ms: some dozen writes. */
const WITHIN_MS = 40

describe('an atomic file whose writer is killed', function () {
  this.timeout(180_000)
  const folder = tempFolder()

  it(`F32: parses after each of ${KILLS} kills in a write loop, and doctor takes away what is half written`, async () => {
    const lanes = Array.from({ length: LANES }, (_, lane) => join(folder(), `state-${lane}.json`))
    await Promise.all(
      lanes.map(async (path) => {
        for (let kill = 0; kill < KILLS / LANES; kill++) {
          await killWhileWriting(path)
          const { count, end } = JSON.parse(await readFile(path, 'utf8')) as Record<string, number>
          assert.equal(count, end)
        }
      }),
    )
    const home = homeOf({ KITH_HOME: folder() }, undefined)
    const later = Date.now() + 3_600_000
    const left = await leftoversOf(home.path, later)
    assert.ok(left.every(({ kind, removable }) => kind === 'half-file' && removable))
    await applyFixes(home, later, await planFixes(home, later))
    assert.deepEqual(
      (await readdir(folder())).toSorted(),
      lanes.map((path) => path.slice(folder().length + 1)),
    )
  })
})

async function killWhileWriting(path: string): Promise<void> {
  const child = spawn(process.execPath, [program('write-until-killed'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: compileCache() },
  })
  const closed = once(child, 'close')
  await once(child.stdout, 'data')
  // The moment is chance itself: what is tested holds at each.
  await delay(Math.random() * WITHIN_MS)
  child.kill('SIGKILL')
  await closed
}
