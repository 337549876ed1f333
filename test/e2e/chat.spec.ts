import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { kithWith } from '../helpers/run-kith.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const UP = '\u001B[A'

describe('kith chat beside a running node', () => {
  const make = liveNodes()
  let alice: LiveNode

  before(async () => {
    alice = await make('alice')
    await alice.start()
  })

  it('answers the lines of a pipe', async () => {
    const { code, err, out } = await kithWith(alice, 'echo one\necho two\n', 'chat')
    assert.deepEqual([code, out, err], [0, 'one\ntwo\n', ''])
  })

  describe('at a terminal', () => {
    let terminal: Terminal

    before(function () {
      if (spawnSync('script', ['--version']).status === 0) return
      console.log('skipped: no script(1) of util-linux, so no terminal to try kith chat at')
      this.skip()
    })

    beforeEach(async () => {
      terminal = new Terminal(alice)
      await terminal.shows(/self> $/)
    })

    afterEach(() => {
      terminal.close()
    })

    it('edits lines, brings them back, and leaves at Ctrl-D', async () => {
      await terminal.type('eco one\u0002\u0002\u0002\u0002\u0002h\u0005\r', /\none\r\n.*self> $/s)
      await terminal.type(`${UP}!\r`, /\none!\r\n.*self> $/s)
      assert.equal(await terminal.type(CTRL_D), 0)
    })

    it('cancels an answer at Ctrl-C, and asks on', async () => {
      await terminal.type('count 1000\r', /\n2\r\n/)
      await terminal.type(CTRL_C, /cancelling .*self> $/s)
      await terminal.type('echo on\r', /\non\r\n.*self> $/s)
      assert.equal(await terminal.type('/quit\r'), 0)
    })

    it('leaves an answer at the second Ctrl-C', async () => {
      await terminal.type('count 1000\r', /\n2\r\n/)
      assert.equal(await terminal.type(CTRL_C + CTRL_C), 130)
    })
  })
})

/** `kith chat` at a pseudo-terminal. */
class Terminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #closed: Promise<[number | null]>
  #shown = ''

  constructor(node: LiveNode) {
    const command = `'${process.execPath}' '${program('kith')}' chat`
    const env = {
      ...{ PATH: process.env['PATH'], KITH_HOME: node.home.path, TERM: 'xterm' },
      NODE_COMPILE_CACHE: compileCache(),
    }
    const options = ['--quiet', '--flush', '--return', '--command', command, '/dev/null']
    this.#child = spawn('script', options, { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#closed = once(this.#child, 'close') as Promise<[number | null]>
    this.#child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.#shown += stripVTControlCharacters(chunk)
    })
  }

  /** Types `keys`, and waits until this is shown; without it, gives the exit code. */
  async type(keys: string, pattern: RegExp): Promise<void>
  async type(keys: string): Promise<number | null>
  async type(keys: string, pattern?: RegExp): Promise<number | null | void> {
    this.#shown = ''
    this.#child.stdin.write(keys)
    if (pattern !== undefined) {
      await this.shows(pattern)
      return
    }
    const [code] = await this.#closed
    return code
  }

  async shows(pattern: RegExp): Promise<void> {
    await eventually(() => {
      assert.match(this.#shown, pattern)
    })
  }

  close(): void {
    this.#child.kill('SIGTERM')
  }
}
