import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readDaemonRecord } from '../../src/node/daemon/daemon-record.ts'
import { daemonHome } from '../helpers/daemon-home.ts'
import type { DaemonHome } from '../helpers/daemon-home.ts'
import { eventually } from '../helpers/eventually.ts'
import { compileCache, program } from '../helpers/programs.ts'

describe('a daemon that systemd has started', () => {
  let child: ChildProcess
  // Before the home goes in which it is.
  afterEach(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  })

  const all = daemonHome()
  let home: DaemonHome
  let bin: string

  beforeEach(async () => {
    home = all()
    bin = join(home.base, '..', 'bin')
    await mkdir(bin)
    await home.make()
    await daemon()
  })

  /** Started as systemd does it: it tells the process its own id. */
  async function daemon(): Promise<void> {
    const script = `SYSTEMD_EXEC_PID=$$ exec "$0" "$1" daemon start --foreground`
    const env = {
      PATH: process.env['PATH'],
      HOME: home.base,
      KITH_HOME: home.base,
      NODE_COMPILE_CACHE: compileCache(),
    }
    const args = ['-c', script, process.execPath, program('kith')]
    child = spawn('/bin/sh', args, { env, stdio: 'ignore' })
    await eventually(async () => {
      assert.notEqual(await readDaemonRecord(home.base), undefined)
      const { code, out } = await home.kith(['daemon', 'status', '--json'])
      assert.equal(code, 0)
      assert.match(out, /"supervisor":"systemd(-user)?"/)
    })
  }

  /** A systemctl that notes how it was called, and does this. */
  async function systemctl(then: string): Promise<{ PATH: string }> {
    const script = `#!/bin/sh\necho "$*" >> ${bin}/called\n${then}\n`
    await writeFile(join(bin, 'systemctl'), script, { mode: 0o755 })
    return { PATH: `${bin}:${process.env['PATH'] ?? ''}` }
  }

  it('F57: is stopped by systemd, which knows then that it is', async () => {
    const exited = once(child, 'exit') as Promise<[number | null]>
    const env = await systemctl(`kill -TERM ${child.pid ?? 0}`)
    const { code, err } = await home.kith(['daemon', 'stop'], { env })
    assert.equal(code, 0, err)
    assert.match(await readFile(join(bin, 'called'), 'utf8'), /^(--user )?stop \S+\.service\n$/)
    // A clean end, which Restart=on-failure does not make good.
    assert.deepEqual((await exited)[0], 0)
    assert.equal(await readDaemonRecord(home.base), undefined)
  })

  it('F57: ends cleanly by itself where systemd may not be asked', async () => {
    const exited = once(child, 'exit') as Promise<[number | null]>
    const env = await systemctl('echo "Access denied" >&2; exit 4')
    assert.equal((await home.kith(['daemon', 'stop'], { env })).code, 0)
    assert.deepEqual((await exited)[0], 0)
  })

  it('F57: that is started again all the same is told of, with what to type', async () => {
    const first = child
    first.once('exit', () => {
      // What Restart=always does.
      void daemon()
    })
    const env = await systemctl('exit 4')
    const { code, err } = await home.kith(['daemon', 'stop'], { env })
    assert.equal(code, 75, err)
    assert.match(
      err,
      /has started the daemon again, as process \d+\ntry: (sudo systemctl|systemctl --user) stop/,
    )
    await eventually(async () => {
      assert.notEqual(await readDaemonRecord(home.base), undefined)
    })
  })
})
