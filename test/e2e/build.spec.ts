import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { bundle } from '../../bin/bundle.ts'
import type { DoctorReport } from '../../src/node/control/api.ts'
import { bundleId } from '../../src/node/build-id.ts'
import { ROOT } from '../helpers/imports.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('a newer build on disk', () => {
  // Before the folder goes, in which it says which process it is.
  afterEach(() => kith('daemon', 'stop'))

  const folder = tempFolder()
  let dist: string

  beforeEach(async () => {
    // As `npm install` puts it in place.
    dist = join(folder(), 'dist')
    await bundle(dist)
    await mkdir(join(folder(), 'bin'))
    for (const path of ['package.json', 'bin/kith.js']) {
      await cp(join(ROOT, path), join(folder(), path))
    }
    await symlink(join(ROOT, 'node_modules'), join(folder(), 'node_modules'))
    await writeFile(join(dist, 'build-id'), bundleId(dist))
  })

  async function kith(...args: string[]): Promise<string> {
    const home = join(folder(), 'home')
    const env = { PATH: process.env['PATH'], HOME: home, KITH_HOME: home }
    const child = spawn(process.execPath, [join(folder(), 'bin/kith.js'), ...args], { env })
    const closed = once(child, 'close')
    const [out] = await Promise.all([text(child.stdout), closed])
    return out
  }

  async function buildState(): Promise<string | undefined> {
    const { findings } = JSON.parse(await kith('doctor', '--json')) as DoctorReport
    return findings.find(({ check }) => check === 'build')?.state
  }

  it('G05: is told by doctor and status, and cleared by a restart', async () => {
    await kith('init', '--clear', '--listen', '/ip4/127.0.0.1/tcp/0')
    await kith('daemon', 'start')
    assert.equal(await buildState(), 'ok')
    await writeFile(join(dist, 'build-id'), 'bbbbbbbbbbbb\n')
    assert.equal(await buildState(), 'warn')
    assert.match(await kith('status'), /problem: build \w+ runs, and bbbbbbbbbbbb is on disk/)
    assert.match(await kith('daemon', 'status'), /problem: another build is on disk than runs/)
    await kith('daemon', 'restart')
    assert.equal(await buildState(), 'ok')
    assert.doesNotMatch(await kith('daemon', 'status'), /another build/)
  })
})
