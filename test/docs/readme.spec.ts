/*
 * Runs the tour in README.md as a reader would: every `sh` block in the terminals that it names, one command after the
 * other, and compares what comes out with the `text` block below it.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { ROOT } from '../helpers/imports.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { page, section } from './markdown.ts'

/** One `sh` block of the tour. */
interface Step {
  terminals: string[]
  commands: string[]
  /** What the last command ends with. */
  exits: number
  /** The `text` block right below, if there is one. */
  prints: string | undefined
}

const TOUR = section(page('README.md'), '## Five minutes, two nodes')
const STEPS = stepsOf(TOUR)

describe('README.md', function () {
  this.timeout(120_000)
  const folder = tempFolder()

  it('has a tour that works as it stands', async () => {
    const translate = new Map([
      ['/tmp/kith-tour', folder()],
      ['tcp/7501', `tcp/${await freePort()}`],
      ['tcp/7502', `tcp/${await freePort()}`],
    ])
    const terminals = { alice: new Terminal(folder()), bob: new Terminal(folder()) }
    try {
      for (const step of STEPS) {
        for (const [name, terminal] of Object.entries(terminals)) {
          if (step.terminals.includes(name)) await walk(step, terminal, translate)
        }
      }
      for (const terminal of Object.values(terminals)) {
        assert.deepEqual(await terminal.codesInBackground(), [0])
      }
    } finally {
      for (const terminal of Object.values(terminals)) terminal.close()
    }
  })

  it('has a tour of which each block has a terminal', () => {
    const names = STEPS.flatMap(({ terminals }) => terminals)
    assert.deepEqual([...new Set(names)].sort(), ['alice', 'bob'])
    assert.equal(STEPS.length, TOUR.match(/^```sh/gm)?.length)
    assert.ok(STEPS.every(({ terminals }) => terminals.length > 0))
  })
})

/** A shell in which the commands of one person are typed. */
class Terminal {
  readonly #home: string
  /** What an interactive shell would remember. */
  readonly #settings: string[] = []
  readonly #background: ChildProcessByStdio<null, Readable, null>[] = []

  constructor(home: string) {
    this.#home = home
  }

  /** What one line prints, and its exit code. One that ends in `&` goes on, and `enough` says when to look away. */
  async type(
    line: string,
    enough: (printed: string) => boolean,
  ): Promise<{ code: number; printed: string }> {
    if (/^(alias|export) /.test(line)) {
      this.#settings.push(line)
      return { code: 0, printed: '' }
    }
    const background = line.endsWith('&')
    const script = ['exec 2>&1', ...this.#settings, line.replace(/ ?&$/, '')].join('\n')
    const child = spawn('sh', ['-c', script], {
      cwd: ROOT,
      env: environment(this.#home),
      stdio: ['ignore', 'pipe', 'ignore'],
      // A group of its own, so that what the shell has started can be ended with it.
      detached: true,
    })
    if (background) this.#background.push(child)
    let printed = ''
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      printed += String(chunk)
      if (background && enough(printed)) {
        child.stdout.resume()
        return { code: 0, printed }
      }
    }
    return { code: await codeOf(child), printed }
  }

  /** The exit codes of what was sent into the background, once it has ended. */
  async codesInBackground(): Promise<number[]> {
    return await Promise.all(this.#background.map(codeOf))
  }

  /** Ends what still runs. */
  close(): void {
    for (const { exitCode, pid } of this.#background) {
      if (exitCode === null && pid !== undefined) process.kill(-pid, 'SIGKILL')
    }
  }
}

/** Does one step in one terminal. What is other on each run, such as ids, is learnt into `translate`. */
async function walk(step: Step, terminal: Terminal, translate: Map<string, string>): Promise<void> {
  const expected = step.prints ?? ''
  let printed = ''
  for (const [place, command] of step.commands.entries()) {
    const line = translated(command, translate)
    const end = await terminal.type(line, (text) => text.includes('\n'))
    printed += end.printed
    const last = place === step.commands.length - 1
    assert.equal(end.code, last ? step.exits : 0, `${line}\n${end.printed}`)
  }
  learn(expected, printed, translate)
  if (step.prints === undefined) return
  const [begins = '', ...rest] = blank(translated(expected, translate)).split(/^…$/m)
  if (rest.length === 0) assert.equal(blank(printed), begins)
  else assert.equal(blank(printed).slice(0, begins.length), begins)
}

/** What the outputs have that is another thing on each run, by what they begin with. */
const OTHER_EACH_TIME: readonly [begins: string, what: RegExp[]][] = [
  ['This node is made', [/^id {2,}(.*)$/m, /^words {2,}(.*)$/m, /^peer id {2,}(.*)$/m]],
  ['kith://i/1/', [/^(kith:\S+)$/m]],
  ['alice and this node have pinned', [/^words: (.*)$/m]],
]

/** Which ids, words, peer ids and links of this run stand for those in the text. */
function learn(expected: string, printed: string, translate: Map<string, string>): void {
  const [, patterns = []] = OTHER_EACH_TIME.find(([begins]) => expected.startsWith(begins)) ?? []
  for (const pattern of patterns) {
    const [shown, real] = [expected, printed].map((text) => pattern.exec(text)?.[1])
    assert.ok(shown !== undefined && real !== undefined, `no ${pattern.source} in\n${printed}`)
    translate.set(shown, real)
  }
}

function translated(text: string, translate: ReadonlyMap<string, string>): string {
  let result = text
  for (const [from, to] of translate) result = result.replaceAll(from, to)
  return result
}

/** `text` with one word for each thing that no two runs have in common, and single spaces. */
function blank(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'WHEN')
    .replaceAll(/\b[\d.]+ (?:ms|s|min)\b/g, 'TIME')
    .replaceAll(/^(process +)\d+/gm, '$1PID')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
}

/** The `sh` blocks of a text: behind `sh` stand the terminals, and `exits=N` where N is not 0. */
function stepsOf(text: string): Step[] {
  const blocks = text.matchAll(/^```sh(.*)\n([^]*?)^```\n(?:\n```text\n([^]*?)^```\n)?/gm)
  return [...blocks].map(([, info = '', commands = '', prints]) => {
    const words = info.split(' ').filter((word) => word !== '')
    const exits = words.find((word) => word.startsWith('exits='))
    return {
      terminals: words.filter((word) => word !== exits),
      commands: commands.trim().split('\n'),
      exits: Number(exits?.slice('exits='.length) ?? 0),
      prints,
    }
  })
}

/** This process' own, without settings of kith, and with a home that is empty. */
function environment(home: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('KITH_'))
  return { ...Object.fromEntries(own), HOME: home }
}

async function codeOf(child: ChildProcessByStdio<null, Readable, null>): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode ?? 128
}

/** A port of the loopback that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
