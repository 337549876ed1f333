import { Command, Option } from 'commander'
import { sameHome } from '../context.ts'
import type { CliContext, NodeDescription } from '../context.ts'
import { collect } from '../options.ts'
import { newPassphrase, passphraseFromStdin } from '../passphrase.ts'
import { paint, print, printJson, table } from '../terminal.ts'

interface InitOptions {
  name?: string
  listen?: string[]
  clear?: true
  nextOffHost?: true
  passphraseStdin?: true
  json?: true
}

const WORD_COLUMNS = 4

/** `kith init`: makes this home's node. Shows its recovery words, this once. */
export function initCommand(cli: CliContext): Command {
  return new Command('init')
    .description('make a node: its keys, its id and its recovery words')
    .option('--name <name>', 'what this node calls itself')
    .option('--listen <address>', 'multiaddr to listen on; may be given again', collect)
    .addOption(
      new Option('--clear', 'keep the keys unsealed: whoever reads the disk has them').conflicts(
        'passphraseStdin',
      ),
    )
    .option('--passphrase-stdin', 'seal the keys with the first line of the standard input')
    .option('--next-off-host', 'put the key that rotates this node on no disk: show its words')
    .option('--json', 'print one JSON object')
    .action(async (options: InitOptions) => {
      await init(cli, options)
    })
}

/** @param command what to type again, when it comes to nothing */
export async function init(
  cli: CliContext,
  options: InitOptions,
  command = 'kith init',
): Promise<void> {
  const protection =
    options.clear === true ? { clear: true as const } : await seal(cli, options, command)
  const { initNode } = await cli.offline()
  const made = await initNode(cli.home, {
    protection,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.listen === undefined ? {} : { listen: options.listen }),
    ...(options.nextOffHost === true ? { rotationKeyOffHost: true as const } : {}),
  })
  if (options.json === true) {
    printJson(cli, { ...made, home: cli.home.path })
    return
  }
  print(cli, `This node is made, in ${cli.home.path}.\n`)
  print(cli, describe(made))
  printWords(cli, 'Recovery words', made.recoveryWords, [
    'They are shown this once and are stored nowhere. Write them on paper: with them you take this',
    'node back from a thief of its keys, and so does anybody else who has them.',
  ])
  if (made.rotationWords !== undefined) {
    printWords(cli, 'Rotation words', made.rotationWords, [
      'They too are shown this once and are stored nowhere. Give them to another node of yours, there',
      'by kith key keep NAME, with the name that it has for this one: it then signs the rotations that',
      'this node asks for. On paper, keep them apart from the recovery words, and only until then.',
    ])
  }
  print(cli, '\nNext:\n')
  const next = [
    ['kith start', 'run the node'],
    ['kith invite NAME', 'make a link that pairs another node with this one'],
    ['kith join -', 'pair with the node whose link you have, and paste it'],
  ]
  print(cli, table(next.map(([command = '', what = '']) => ['', sameHome(cli, command), what])))
}

/** What everybody may know of a node, in lines. */
export function describe({ addresses, id, key, name, words }: NodeDescription): string {
  return table([
    ...(name === undefined ? [] : [['name', name]]),
    ['id', id],
    ['words', words.join(' ')],
    ['peer id', key ?? 'none: this node is retired'],
    ...addresses.map((address, index) => [index === 0 ? 'addresses' : '', address]),
  ])
}

async function seal(
  cli: CliContext,
  { passphraseStdin }: InitOptions,
  command: string,
): Promise<{ passphrase: string }> {
  if (passphraseStdin === true) return { passphrase: await passphraseFromStdin(cli) }
  return { passphrase: await newPassphrase(cli, command) }
}

/** Words that are shown once, and what they are for. */
export function printWords(
  cli: CliContext,
  title: string,
  words: readonly string[],
  advice: readonly string[],
): void {
  print(cli, `\n${paint(cli, 'bold', title)}, in their order:\n`)
  print(cli, inColumns(words))
  print(cli, `\n${advice.join('\n')}`)
}

/** Numbered words, read down each column. */
function inColumns(words: readonly string[]): string {
  const rows = Math.ceil(words.length / WORD_COLUMNS)
  const longest = Math.max(...words.map((word) => word.length))
  const numbered = words.map(
    (word, index) => `${String(index + 1).padStart(4)} ${word.padEnd(longest)}`,
  )
  return Array.from({ length: rows }, (_, row) =>
    numbered
      .filter((_word, index) => index % rows === row)
      .join('')
      .trimEnd(),
  ).join('\n')
}
