import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  KILL_AFTER_MS,
  MAX_STDERR_BYTES,
  childEnv,
  outputOf,
  startChild,
} from '../../src/agent/child.ts'
import type { Child } from '../../src/agent/child.ts'

import { isFailure } from '../../src/protocol/errors.ts'
import { eventually } from '../helpers/eventually.ts'
import { runs } from '../helpers/processes.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

/** Ignores SIGTERM, has a child that does so too, and says the pids of both. */
const STUBBORN = `
  trap '' TERM
  (trap '' TERM; while :; do sleep 60; done) &
  echo $$ $!
  while :; do sleep 60; done`

describe('a child process', () => {
  const folder = tempFolder()
  const children: Child[] = []

  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.stop()))
  })

  async function start(argv: [string, ...string[]], signal?: AbortSignal): Promise<Child> {
    const child = await startChild({ argv, cwd: folder(), env: childEnv(process.env) }, signal)
    children.push(child)
    return child
  }

  const shell = (script: string, signal?: AbortSignal): Promise<Child> =>
    start(['sh', '-c', script], signal)

  it('reads its input, writes its output, and ends with its exit code', async () => {
    const child = await shell('cat; echo sorry >&2; exit 3')
    child.stdin.end('hello')
    assert.equal(await text(child.stdout), 'hello')
    assert.deepEqual(await child.ended, { exitCode: 3, signal: undefined })
    assert.equal(child.stderrTail, 'sorry\n')
  })

  it('starts in the folder that is given', async () => {
    assert.equal(await text((await shell('pwd')).stdout), `${folder()}\n`)
  })

  it('has the variables that are given, one that says that it is a program, and no other', async () => {
    const env = childEnv({ PATH: process.env['PATH'], SECRET: 's', NAMED: 'n' }, ['NAMED', 'UNSET'])
    const child = await startChild({ argv: ['env'], cwd: folder(), env })
    assert.deepEqual((await text(child.stdout)).split('\n').filter(Boolean).sort(), [
      'KITH_PROGRAM=1',
      'NAMED=n',
      `PATH=${String(process.env['PATH'])}`,
    ])
  })

  it('gets its arguments as they are', async () => {
    const child = await start(['printf', '%s|', 'a b', '$HOME', '; false'])
    assert.equal(await text(child.stdout), 'a b|$HOME|; false|')
  })

  it('may end without reading its input', async () => {
    const child = await shell('exit 0')
    child.stdin.end('x'.repeat(1_000_000))
    assert.deepEqual(await child.ended, { exitCode: 0, signal: undefined })
  })

  it('keeps what it wrote for a reader who comes after its end', async () => {
    const child = await shell('head -c 50000 /dev/zero')
    await child.ended
    assert.equal((await text(child.stdout)).length, 50_000)
  })

  it('waits while nobody reads', async () => {
    const child = await shell('head -c 10000000 /dev/zero')
    await once(child.stdout, 'readable')
    let read = 0
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      assert.ok(child.stdout.readableLength < 262_144)
      read += chunk.length
    }
    assert.equal(read, 10_000_000)
  })

  it(`keeps the last ${MAX_STDERR_BYTES} bytes of its standard error`, async () => {
    const child = await shell('head -c 100000 /dev/zero >&2; printf end >&2')
    await child.ended
    assert.equal(child.stderrTail.length, MAX_STDERR_BYTES)
    assert.ok(child.stderrTail.endsWith('\0end'))
  })

  it('is ended by SIGTERM when it is stopped', async () => {
    const child = await shell('echo; exec sleep 60')
    await once(child.stdout, 'readable')
    assert.deepEqual(await child.stop(), { exitCode: undefined, signal: 'SIGTERM' })
  })

  it('is stopped once, however often that is asked for', async () => {
    const child = await shell('trap "echo bye; exit 0" TERM; echo; while :; do sleep 0.02; done')
    await once(child.stdout, 'readable')
    const [first, second] = await Promise.all([child.stop(), child.stop()])
    assert.deepEqual(first, { exitCode: 0, signal: undefined })
    assert.equal(second, first)
    assert.equal(await text(child.stdout), '\nbye\n')
    assert.equal(await child.stop(), first)
  })

  it('is killed with its group, in time, when it is aborted and ignores SIGTERM', async () => {
    const aborting = new AbortController()
    const child = await shell(STUBBORN, aborting.signal)
    const pids = await pidsOf(child)
    assert.deepEqual(pids.map(runs), [true, true])
    const abortedAt = performance.now()
    aborting.abort()
    assert.deepEqual(await child.ended, { exitCode: undefined, signal: 'SIGKILL' })
    const tookMs = performance.now() - abortedAt
    assert.ok(tookMs >= KILL_AFTER_MS - 10 && tookMs < 1_000, `took ${tookMs} ms`)
    await eventually(() => {
      assert.deepEqual(pids.map(runs), [false, false])
    })
    assert.equal(getEventListeners(aborting.signal, 'abort').length, 0)
  })

  it('leaves nothing of its group behind when it ends by itself', async () => {
    const child = await shell(`(trap '' TERM; while :; do sleep 60; done) & echo $!`)
    const pids = await pidsOf(child)
    assert.deepEqual(await child.ended, { exitCode: 0, signal: undefined })
    await eventually(() => {
      assert.deepEqual(pids.map(runs), [false])
    })
  })

  it('has ended, also when one that left its group still holds its pipes', async () => {
    const child = await shell('setsid sh -c "echo \\$\\$; exec sleep 60" & sleep 0.2')
    const [pid = 0] = await pidsOf(child)
    try {
      assert.deepEqual(await child.ended, { exitCode: 0, signal: undefined })
    } finally {
      process.kill(pid)
    }
  })

  it('leaves no listener on a signal that was not aborted', async () => {
    const { signal } = new AbortController()
    const child = await shell('exit 0', signal)
    await child.ended
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('is not started for a signal that was aborted before', async () => {
    const reason = new Error('too late')
    await assert.rejects(shell('exit 0', AbortSignal.abort(reason)), reason)
  })

  describe('that cannot be started', () => {
    it('is refused with what to try, where there is no such program', async () => {
      await assert.rejects(start(['no-such-program']), (err) => {
        assert.ok(isFailure(err, 'program-failed'))
        assert.equal(err.message, 'no-such-program: there is no such program')
        assert.match(err.hint ?? '', /^command -v no-such-program/u)
        return true
      })
    })

    it('is refused where the program may not be run', async () => {
      const path = join(folder(), 'program')
      await writeFile(path, '#!/bin/sh\n')
      await chmod(path, 0o600)
      await assert.rejects(start([path]), { message: `${path}: it may not be run` })
    })

    it('is refused where there is no such folder', async () => {
      const cwd = join(folder(), 'gone')
      await assert.rejects(startChild({ argv: ['true'], cwd, env: childEnv(process.env) }), {
        message: `true: there is no folder ${cwd} to start it in`,
        hint: `mkdir -p ${cwd}`,
      })
    })

    it('is refused for an argument that no program can get', async () => {
      await assert.rejects(start(['true', '\0']), { code: 'program-failed' })
    })

    it('leaves no listener on the signal', async () => {
      const { signal } = new AbortController()
      await assert.rejects(start(['no-such-program'], signal))
      await eventually(() => {
        assert.equal(getEventListeners(signal, 'abort').length, 0)
      })
    })
  })

  describe('whose output is wanted', () => {
    it('is read to its end', async () => {
      const { bytes, cut, end } = await outputOf(await shell('printf 12345'), 5)
      assert.deepEqual([bytes.toString(), cut, end.exitCode], ['12345', false, 0])
    })

    it('is ended when it writes more than that, without an end', async () => {
      const { bytes, cut, end } = await outputOf(await start(['yes']), 100_001)
      assert.deepEqual([bytes.length, cut, end.signal], [100_001, true, 'SIGTERM'])
    })
  })
})

/** The pids in the first line that `child` writes. */
async function pidsOf(child: Child): Promise<number[]> {
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return line.toString().trim().split(' ').map(Number)
}
