/*
 * Commands that the docs show, in blocks and within sentences: each is there, and so is each of its flags. The tour of
 * README.md is run as well (`readme.spec.ts`); what commands do is in `test/cli/` and `test/e2e/`.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { FakeCli } from '../cli/fake-cli.ts'
import { ROOT } from '../helpers/imports.ts'
import { page } from './markdown.ts'

const PAGES = [
  ...['README.md', 'PROTOCOL.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'peers.example.yaml'],
  ...readdirSync(`${ROOT}/docs`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

describe('a command that the docs show', () => {
  for (const path of PAGES) {
    it(`is there, and has its flags, in ${path}`, async () => {
      assert.deepEqual(await faultsOf(page(path)), [])
    })
  }

  it('is seldom none', () => {
    assert.ok(PAGES.flatMap((path) => commandsIn(page(path))).length > 150)
  })

  for (const text of [
    '`kith peers add NAME` and `kith peers allow|deny NAME`',
    '`kith --home DIR chat bob\n--preset read-only`',
    '`kith budget --peer bob`',
    '```sh alice\nkith ping bob -c 1 &  # --as-often as you like\n```',
    '`kith jobs add disk --daily 07:30 --command -- df --human`',
  ]) {
    it(`may be ${text.replaceAll('\n', ' ')}`, async () => {
      assert.ok(commandsIn(text).length > 0)
      assert.deepEqual(await faultsOf(text), [])
    })
  }

  for (const text of [
    '`kith pears add NAME`',
    '`kith peers ad NAME`',
    '`kith peers add|alow NAME`',
    '`kith peers add --forever`',
    '`kith budget --forever`',
    '```sh\nkith sart\n```',
    '```\nkith ping bob --c 1\n```',
  ]) {
    it(`may not be ${text.replaceAll('\n', ' ')}`, async () => {
      assert.equal((await faultsOf(text)).length, 1)
    })
  }
})

/** The commands of a page, without what goes before every command: each as its words. */
function commandsIn(text: string): string[][] {
  const blocks = [...text.matchAll(/^```(?:sh.*)?\n([^]*?)^```$/gm)].map(([, block = '']) => block)
  const lines = blocks.flatMap((block) => block.match(/^kith .*/gm) ?? [])
  const spans = text.replaceAll(/^```[^]*?^```$/gm, '').match(/(?<=`)kith [^`]+(?=`)/g) ?? []
  return [...lines, ...spans].flatMap((line) => {
    const [, ...words] = line
      .replace(/ #.*/, '')
      // What a shell puts in its place is no word of ours.
      .replaceAll(/"\$\(.*?\)"/g, 'FILE')
      // What stands behind is another program's.
      .replace(/ -- .*/, '')
      .replace(/^kith (?:--home|-p) \S+/, 'kith')
      .split(/\s+/)
    const place = words.findIndex((word) => word.includes('|'))
    if (place === -1) return [words]
    return (words[place] ?? '').split('|').map((word) => words.with(place, word))
  })
}

/** Which commands of a page there are not, or not with these flags. */
async function faultsOf(text: string): Promise<string[]> {
  const faults = []
  for (const words of commandsIn(text)) {
    const flags = words.flatMap((word) => /^--?[a-z][a-z-]*/.exec(word) ?? [])
    if (!(await isThere(words, flags))) faults.push(words.join(' '))
  }
  return faults
}

async function isThere(words: readonly string[], flags: readonly string[]): Promise<boolean> {
  let [path, help] = ['kith', await helpOf('kith')]
  for (const word of words) {
    // What is no name of a command is what one of them is given.
    if (!isGroup(help) || !/^[a-z]/.test(word)) break
    path = `${path} ${word}`
    help = await helpOf(path)
    if (!help.startsWith(`Usage: ${path} `)) return false
  }
  // A group that is typed alone is the first of its commands.
  if (isGroup(help))
    help += await helpOf(`${path} ${/^Commands:\n +([\w-]+)/m.exec(help)?.[1] ?? ''}`)
  return flags.every((flag) => new RegExp(`^ +(?:-., )?${flag}(?= |,|$)`, 'm').test(help))
}

function isGroup(help: string): boolean {
  return /^Usage: .* \[command\]$/m.test(help)
}

async function helpOf(path: string): Promise<string> {
  const cli = new FakeCli()
  await cli.kith(...path.split(' ').slice(1), '--help')
  return cli.stdout.text
}
