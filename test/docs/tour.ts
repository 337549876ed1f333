/*
 * Tours of the docs: `sh` blocks that are typed as a reader would, one command after the other, and whose output is
 * compared with the `text` block below.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { ROOT } from '../helpers/imports.ts'
import { program } from '../helpers/programs.ts'

/** One `sh` block of the tour. */
interface Step {
  terminals: string[]
  commands: string[]
  /** What the last command ends with. */
  exits: number
  /** The `text` block right below, if there is one. */
  prints: string | undefined
}

/** What an output has that is another thing on each run, by what the output begins with. */
export type Other = readonly [begins: string, what: readonly RegExp[]]

/** The kith of the checkout, as the docs name it, and the one that stands for it: the same, bundled if that was done. */
export const THIS_KITH = ['$PWD/bin/kith.js', program('kith')] as const

/**
 * Takes a tour: each step in the terminals that it names, one after the other. What is sent into the background has
 * to end with 0 by the end of it.
 *
 * @param home of those who type
 * @param translate what stands in the text for something else here; what is learnt on the way is added
 */
export async function takeTour(
  steps: readonly Step[],
  home: string,
  translate: Map<string, string>,
  other: readonly Other[] = [],
): Promise<void> {
  const names = new Set(steps.flatMap((step) => step.terminals))
  const terminals = new Map([...names].map((name) => [name, new Terminal(home)]))
  try {
    for (const step of steps) {
      for (const [name, terminal] of terminals) {
        if (step.terminals.includes(name)) await walk(step, terminal, translate, other)
      }
    }
    for (const terminal of terminals.values()) {
      const codes = await terminal.codesInBackground()
      assert.ok(
        codes.every((code) => code === 0),
        String(codes),
      )
    }
  } finally {
    for (const terminal of terminals.values()) terminal.close()
  }
}

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

/** Does one step in one terminal. What is `other` on each run, such as ids, is learnt into `translate`. */
async function walk(
  step: Step,
  terminal: Terminal,
  translate: Map<string, string>,
  other: readonly Other[],
): Promise<void> {
  const expected = step.prints ?? ''
  let printed = ''
  for (const [place, command] of step.commands.entries()) {
    const line = translated(command, translate)
    const end = await terminal.type(line, (text) => text.includes('\n'))
    printed += end.printed
    const last = place === step.commands.length - 1
    assert.equal(end.code, last ? step.exits : 0, `${line}\n${end.printed}`)
  }
  learn(expected, printed, translate, other)
  if (step.prints === undefined) return
  const [begins = '', ...rest] = blank(translated(expected, translate)).split(/^…$/m)
  if (rest.length === 0) assert.equal(blank(printed), begins)
  else assert.equal(blank(printed).slice(0, begins.length), begins)
}

/** Which ids, words, peer ids and links of this run stand for those in the text. */
function learn(
  expected: string,
  printed: string,
  translate: Map<string, string>,
  other: readonly Other[],
): void {
  const [, patterns = []] = other.find(([begins]) => expected.startsWith(begins)) ?? []
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
  return (
    text
      .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID')
      // The end of one, as tables have it.
      .replaceAll(/^[0-9a-f]{8}(?= )/gm, 'UUID')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'WHEN')
      .replaceAll(/\b[\d.]+ (?:ms|s|min)\b/g, 'TIME')
      .replaceAll(/^(process +)\d+/gm, '$1PID')
      .replaceAll(/ {2,}/g, ' ')
      .trim()
  )
}

/** The `sh` blocks of a text: behind `sh` stand the terminals, and `exits=N` where N is not 0. */
export function stepsOf(text: string): Step[] {
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

/** This process' own, without settings of kith, with a home that is empty, and with clocks as the docs have them. */
function environment(home: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('KITH_'))
  return { ...Object.fromEntries(own), HOME: home, TZ: 'UTC' }
}

async function codeOf(child: ChildProcessByStdio<null, Readable, null>): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode ?? 128
}
