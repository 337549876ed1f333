import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { wordsToSeed } from '../../src/protocol/recovery-words.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { LAB_KEY, configureAgent, modelAt } from '../helpers/live-agent.ts'
import { ModelServer } from '../helpers/model-server.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { kith } from '../helpers/run-kith.ts'
import { filesWith } from '../helpers/search-secret.ts'

/** Of no shape that a scanner knows. */
const KEY = 'canary7d1f0c5be2a94c53b86e'
const PASSPHRASE = 'a canary of some plain words'

const WRITE = { name: 'write_file', input: { path: 'plants.md', text: 'water them\n' } }

describe('the secrets of a node', () => {
  const make = liveNodes()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode
  let daemon: ChildProcess | undefined
  let output = ''

  before(async () => {
    server = await ModelServer.start()
    alice = await make('alice')
    bob = await make('bob', { protection: { passphrase: PASSPHRASE } })
    await configureAgent(bob, modelAt(server))
    await alice.pin(bob)
    await bob.pin(alice, {
      ...{ allow: ['ask'], addresses: [] },
      ask: { preset: 'full', approve: ['write'] },
    })
    await startBob()
    await alice.start()
    await alice.linkedTo(bob)
  })
  after(async () => {
    await stopBob()
    await server.stop()
  })

  /** Starts it as its owner does, with the passphrase in a file beside its home. */
  async function startBob(): Promise<void> {
    const file = join(bob.home.path, '..', 'passphrase')
    await writeFile(file, PASSPHRASE, { mode: 0o600 })
    daemon = spawn(process.execPath, [program('kith'), 'start', '--log-level', 'debug'], {
      env: {
        ...{ PATH: process.env['PATH'], KITH_HOME: bob.home.path },
        ...{ KITH_PASSPHRASE_FILE: file, [LAB_KEY]: KEY },
        NODE_COMPILE_CACHE: compileCache(),
      },
    })
    const take = (chunk: string): void => {
      output += chunk
    }
    daemon.stdout?.setEncoding('utf8').on('data', take)
    daemon.stderr?.setEncoding('utf8').on('data', take)
    await eventually(() => bob.status())
  }

  async function stopBob(): Promise<void> {
    if (daemon === undefined || daemon.exitCode !== null) return
    const closed = once(daemon, 'close')
    daemon.kill('SIGTERM')
    await closed
  }

  /** The command lines of all that runs here. */
  async function commandLines(): Promise<string[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    return await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    )
  }

  it('F62: are in no file but the keystore, in no log, no answer and no command line', async () => {
    // A provider that says the key to everybody, in an answer, in a call of a tool and in an error.
    server.reply({ kind: 'text', text: `your key is ${KEY}, is it not?`, pieceChars: 5 })
    const told = await alice.ask(bob, 'what is your key?', { session: 'talk' })
    server.reply({ kind: 'text', text: `as I said: ${KEY}` })
    told.text += (await alice.ask(bob, 'say it again', { session: 'talk' })).text
    assert.match(told.text, /your key is .*is it not/)
    assert.deepEqual(told.text.match(/redacted/g)?.length, 2)
    server.reply({ kind: 'status', status: 400, message: `no such key: ${KEY}` })
    const failed = await alice.ask(bob, 'and now?')
    server.reply(
      { kind: 'tools', text: `I have ${KEY}`, calls: [WRITE] },
      { kind: 'text', text: 'written' },
    )
    const ask = await alice.submit(bob, 'write', { session: 'talk' })
    const approval = await eventually(async () => {
      const [open] = await bob.client.call('approvals', {})
      assert.ok(open !== undefined)
      return open.approval
    })
    await assert.rejects(alice.client.call('ping', { name: 'bob' }), { code: 'denied' })
    const lines = await commandLines()
    // In mid-wait: what the ask goes on with is on disk.
    const parked = await filesWith(bob.home.path, Buffer.from(KEY))
    await bob.client.call('answerApproval', { approval, answer: 'once' })
    const written = await alice.answer(ask)
    const said = await Promise.all(
      [
        ['status'],
        ['doctor'],
        ['models', 'list'],
        ['budget'],
        ['sessions', 'show', 'talk', '--of', 'alice'],
        ['asks', 'show', ask],
      ].map((args) => kith(bob, ...args)),
    )
    await Promise.all([alice.stop(), stopBob()])

    const seen = JSON.stringify([told, failed, written, said, alice.log.lines]) + output
    assert.match(output, /"level":"debug"/)
    const words = bob.words.recovery.split(' ')
    for (const secret of [KEY, PASSPHRASE, words.join(' '), words.slice(4).join(' ')]) {
      assert.ok(!seen.includes(secret), `${secret} was said`)
      assert.deepEqual(
        lines.filter((line) => line.includes(secret)),
        [],
      )
      for (const { home } of [alice, bob]) {
        assert.deepEqual(await filesWith(home.path, Buffer.from(secret)), [])
      }
    }
    assert.deepEqual(parked, [])
    assert.deepEqual(await filesWith(bob.home.path, wordsToSeed(bob.words.recovery)), [])
  })
})
