import assert from 'node:assert/strict'
import type { DaemonModule } from '../../../src/cli/context.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { status } from '../reports.ts'

type Init = Parameters<DaemonModule['runDaemon']>[0]

describe('kith start', () => {
  let cli: FakeCli
  let inits: Init[]

  beforeEach(() => {
    cli = new FakeCli()
    inits = []
    cli.runDaemon = async (init) => {
      inits.push(init)
      return 0
    }
  })

  /** A node whose keys are sealed by `geheim`. */
  function sealed(): void {
    cli.runDaemon = async (init) => {
      inits.push(init)
      if (init.passphrase === 'geheim') return 0
      const given = init.passphrase !== undefined
      throw new KithError('passphrase', given ? 'wrong' : 'sealed', { given })
    }
  }

  it('hands settings on, and ends with the code of the node', async () => {
    cli.runDaemon = async (init) => {
      inits.push(init)
      return 1
    }
    assert.equal(
      await cli.kith('start', '--listen', '/a', '--listen', '/b', '--log-level', 'debug'),
      1,
    )
    assert.deepEqual(inits[0]?.flags, { listen: ['/a', '/b'], 'log.level': 'debug' })
    assert.equal(inits[0].passphrase, undefined)
  })

  it('sets nothing that was not said', async () => {
    await cli.kith('start')
    assert.deepEqual(inits[0]?.flags, {})
  })

  it('says once that it is ready, beside the log', async () => {
    cli.runDaemon = async ({ onReady, stdout }) => {
      stdout.write('{"msg":"before"}\n')
      onReady(status)
      stdout.write('{"msg":"after"}\n')
      return 0
    }
    await cli.kith('start')
    assert.equal(cli.stdout.text, '{"msg":"before"}\n{"msg":"after"}\n')
    assert.equal(
      cli.stderr.text,
      'kith: alice is ready, listening on /ip4/127.0.0.1/tcp/7424; stop with Ctrl-C\n',
    )
  })

  it('prints the report before all logs with --json', async () => {
    cli.runDaemon = async ({ onReady, stdout }) => {
      stdout.write('{"msg":"before"}\n')
      onReady(status)
      stdout.write('{"msg":"after"}\n')
      return 0
    }
    await cli.kith('start', '--json')
    assert.deepEqual(cli.stdout.json, [status, { msg: 'before' }, { msg: 'after' }])
  })

  it('keeps the log of a start that failed', async () => {
    cli.runDaemon = ({ stdout }) => {
      stdout.write('{"msg":"before"}\n')
      return Promise.reject(new KithError('locked', 'held by 4711', { home: '/', pid: 4_711 }))
    }
    assert.equal(await cli.kith('start', '--json'), 1)
    assert.deepEqual(cli.stdout.json, [{ msg: 'before' }])
    const [told] = cli.stderr.json as { error: unknown }[]
    assert.deepEqual(told?.error, {
      code: 'locked',
      message: 'held by 4711',
      details: { home: '/', pid: 4_711 },
      fromPeer: false,
    })
  })

  it('takes the passphrase from the standard input', async () => {
    sealed()
    cli.stdin.end('geheim\n')
    assert.equal(await cli.kith('start', '--passphrase-stdin'), 0)
  })

  it('asks for it at a terminal, and only when it is wanted', async () => {
    sealed()
    cli.stdin.isTTY = true
    cli.stderr.isTTY = true
    cli.stdin.write('geheim\r')
    assert.equal(await cli.kith('start'), 0)
    assert.deepEqual(
      inits.map(({ passphrase }) => passphrase),
      [undefined, 'geheim'],
    )
    assert.equal(cli.stderr.text, 'Passphrase (not shown): \n')
  })

  it('asks once', async () => {
    sealed()
    cli.stdin.isTTY = true
    cli.stderr.isTTY = true
    cli.stdin.write('falsch\r')
    assert.equal(await cli.kith('start'), 7)
    assert.equal(inits.length, 2)
  })

  it('says how to give it where nobody can be asked', async () => {
    sealed()
    assert.equal(await cli.kith('start'), 7)
    assert.equal(
      cli.stderr.text,
      'kith: sealed\ntry: kith start --passphrase-stdin, or KITH_PASSPHRASE_FILE\n',
    )
  })
})
