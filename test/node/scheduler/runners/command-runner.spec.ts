import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError, isFailure } from '../../../../src/protocol/errors.ts'
import { MAX_RESULT_BYTES } from '../../../../src/node/scheduler/artifact.ts'
import type { Result } from '../../../../src/node/scheduler/runner.ts'
import { CommandRunner } from '../../../../src/node/scheduler/runners/command-runner.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const never = new AbortController().signal

describe('command runner', () => {
  const folder = tempFolder()
  let signs = 0
  let onSign = (): void => undefined

  beforeEach(() => {
    signs = 0
    onSign = () => undefined
  })

  async function run(script: string, signal = never, cwd?: string): Promise<string> {
    return (await resultOf(script, signal, cwd)).summary
  }

  async function resultOf(script: string, signal = never, cwd?: string): Promise<Result> {
    const runner = new CommandRunner({
      env: { PATH: process.env['PATH'], SECRET: 'not for programs' },
      folder: folder(),
      home: '/srv/kith',
      redacted: (text) => text.replaceAll('hunter2', '[redacted]'),
    })
    const progress = (): void => {
      signs++
      onSign()
    }
    return await runner.run(
      jobOf('digest'),
      {
        kind: 'command',
        argv: ['/bin/sh', '-c', script],
        ...(cwd === undefined ? {} : { cwd }),
      },
      { run: 'the-run', attempt: 2, dueAt: 0, progress },
      signal,
    )
  }

  it('has the last line of a program as its result, and each write as progress', async () => {
    assert.equal(await run('echo one; echo two'), 'two')
    assert.ok(signs >= 2)
  })

  it('makes all that a program writes its result, with what it was made from, and without secrets', async () => {
    const { made } = await resultOf('echo the key is hunter2; printf "\\303\\050"')
    assert.equal(made?.content, 'the key is [redacted]\n\ufffd(')
    assert.equal(made.cut, undefined)
    assert.equal(made.engine, 'command')
    const argv = JSON.parse(made.prompt) as string[]
    assert.deepEqual(argv.slice(0, 2), ['/bin/sh', '-c'])
    assert.deepEqual(JSON.parse(made.context), {
      cwd: folder(),
      env: ['KITH_ATTEMPT', 'KITH_HOME', 'KITH_JOB', 'KITH_PROGRAM', 'KITH_RUN', 'PATH'],
    })
  })

  it('keeps the beginning of what is too long, and says so', async () => {
    const script = (bytes: number): string => `head -c ${bytes} /dev/zero | tr '\\0' x`
    const whole = await resultOf(script(MAX_RESULT_BYTES))
    assert.equal(whole.made?.content.length, MAX_RESULT_BYTES)
    assert.equal(whole.made.cut, undefined)
    const more = await resultOf(`${script(MAX_RESULT_BYTES + 1)}; echo; echo last`)
    assert.equal(more.made?.content.length, MAX_RESULT_BYTES)
    assert.equal(more.made.cut, true)
    assert.equal(more.summary, 'last')
  })

  it('tells a program of its run, and nothing of the variables of this node', async () => {
    assert.equal(
      await run('echo $KITH_HOME $KITH_JOB $KITH_RUN $KITH_ATTEMPT ${SECRET-none}'),
      '/srv/kith digest the-run 2 none',
    )
  })

  it('starts it in the folder of the node, or in the one of its job', async () => {
    assert.equal(await run('pwd'), folder())
    assert.equal(await run('pwd', never, '/'), '/')
  })

  it('gives it no input, so that it cannot wait for any', async () => {
    assert.equal(await run('cat; echo end'), 'end')
  })

  it('fails with the exit code and what it said last, without secrets', async () => {
    await assert.rejects(run('echo the key is hunter2 >&2; exit 3'), (err: unknown) => {
      assert.ok(isFailure(err, 'program-failed'))
      assert.match(err.message, /ended with exit code 3; it said last: the key is \[redacted\]/)
      return true
    })
    assert.equal(await run('echo hunter2'), '[redacted]')
  })

  it('fails when there is no such folder', async () => {
    await assert.rejects(run('true', never, '/no/such/folder'), (err: unknown) =>
      isFailure(err, 'program-failed'),
    )
  })

  it('ends it and all that it started when the attempt ends', async () => {
    const stop = new AbortController()
    const mark = join(folder(), 'mark')
    const reason = new KithError('deadline', 'too long', {})
    // The first sign is of its start, the second of what it writes.
    onSign = () => {
      if (signs === 2) stop.abort(reason)
    }
    await assert.rejects(
      run(`sleep 600 & echo $! > ${mark}; echo up; wait`, stop.signal),
      (err: unknown) => err === reason,
    )
    const pid = Number(await readFile(mark, 'utf8'))
    await eventually(() => {
      assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    })
  })
})
