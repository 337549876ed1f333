import { isBuiltin } from 'node:module'
import { basename } from 'node:path'
import ts from 'typescript'
import { importsOf, lineOf, packageOf, parse, visit } from './imports.ts'
import type { Import, Sources } from './imports.ts'

/** A rule on `src/`: what breaks it, one line each, so none when all is well. */
export type Rule = (sources: Sources) => string[]

const MAX_LINES = 300

/** For each folder of `src/`, the folders it may import from, type imports included. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  cli: ['cli', 'node', 'protocol'],
  node: ['node', 'agent', 'store', 'protocol'],
  agent: ['agent', 'protocol'],
  store: ['store', 'protocol'],
  protocol: ['protocol'],
}

/** What the command line may import from the node without loading the node. */
const CONTROL_CONTRACT = [
  'src/node/control/client.ts',
  'src/node/control/api.ts',
  'src/node/home.ts',
]

/** What the command line may await from the agent: it frames what peers answer, for agents of others. */
const AWAITED_FROM_AGENT = ['src/agent/untrusted.ts']

/** Packages that a command pays for only when it awaits them: 0.2 s together. */
const SLOW_SCOPES = ['libp2p', '@libp2p', '@chainsafe', 'level']

/** What protocol/ may use: each computes, and none opens, waits or chooses. */
const PURE_IMPORTS = [
  'node:buffer',
  'node:crypto',
  '@multiformats/multiaddr',
  '@noble/ed25519',
  '@scure/bip39',
  'multiformats',
  'zod',
]

/** Members that read a clock or make chance. */
const IMPURE_MEMBERS = ['Date.now', 'Math.random', 'performance.now', 'process.hrtime']

/** Names that make chance, wait or reach out, whatever they are a member of. */
const IMPURE_NAMES = [
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'randomSecretKey',
  'getRandomValues',
  'generateKeyPair',
  'generateKeyPairSync',
  'generateMnemonic',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'fetch',
]

/** `src/` holds five folders and nothing beside them. */
export const fiveFolders: Rule = (sources) =>
  [...sources.keys()]
    .filter((path) => folderOf(path) === undefined)
    .map((path) => `${path}: not in one of ${Object.keys(MAY_IMPORT).join(', ')}`)

/** cli → node → agent, store; all → protocol; nothing leaves `src/` but for package.json. */
export const direction: Rule = (sources) =>
  importsOf(sources)
    .filter(({ relative, to }) => relative && to !== 'package.json')
    .filter(({ from, to }) => !MAY_IMPORT[folderOf(from) ?? '']?.includes(folderOf(to) ?? ''))
    .filter(
      ({ from, kind, to }) =>
        !(folderOf(from) === 'cli' && kind === 'dynamic' && AWAITED_FROM_AGENT.includes(to)),
    )
    .map((edge) => describe(edge, `must not import ${edge.to}`))

/** Of the node, cli/ imports the control contract; what else it needs it awaits. */
export const controlOnly: Rule = (sources) =>
  importsOf(sources)
    .filter(({ from, to }) => folderOf(from) === 'cli' && folderOf(to) === 'node')
    .filter(({ to, kind }) => kind !== 'dynamic' && !CONTROL_CONTRACT.includes(to))
    .map((edge) => describe(edge, `needs \`await import()\` for ${edge.to}`))

/** No command loads libp2p or level by being loaded, through however many files. */
export const quickStart: Rule = (sources) => {
  const eager = Map.groupBy(
    importsOf(sources).filter(({ kind }) => kind === 'static'),
    ({ from }) => from,
  )
  const found: string[] = []
  const seen = new Set<string>()
  function follow(path: readonly string[], file: string): void {
    if (seen.has(file)) return
    seen.add(file)
    for (const { to, relative } of eager.get(file) ?? []) {
      const next = [...path, to]
      if (relative) follow(next, to)
      else if (SLOW_SCOPES.includes(to.split('/')[0] ?? '')) found.push(next.join(' → '))
    }
  }
  for (const file of sources.keys()) if (folderOf(file) === 'cli') follow([file], file)
  return found
}

/** No file reaches itself by its imports. Each cycle found is given as its path. */
export const noCycles: Rule = (sources) => {
  const edges = Map.groupBy(importsOf(sources), ({ from }) => from)
  const found: string[] = []
  const done = new Set<string>()
  function follow(path: readonly string[], file: string): void {
    const start = path.indexOf(file)
    if (start !== -1) {
      found.push([...path.slice(start), file].join(' → '))
      return
    }
    if (done.has(file)) return
    const targets = new Set((edges.get(file) ?? []).map(({ to }) => to))
    for (const target of targets) follow([...path, file], target)
    done.add(file)
  }
  for (const file of sources.keys()) follow([], file)
  return found
}

/** No index.ts, and no file that only hands on the names of others. */
export const noBarrels: Rule = (sources) =>
  parse(sources)
    .filter(({ fileName, statements }) => {
      const handsOn = statements.some(ts.isExportDeclaration)
      const owns = statements.some((s) => !ts.isExportDeclaration(s) && !ts.isImportDeclaration(s))
      return basename(fileName) === 'index.ts' || (handsOn && !owns)
    })
    .map(({ fileName }) => `${fileName}: a barrel; import the file that defines the name`)

/** protocol/ does no I/O, reads no clock and makes no chance. */
export const pureProtocol: Rule = (sources) => {
  const protocol = only(sources, ['protocol'])
  const imports = importsOf(protocol)
    .filter(({ to, relative }) => !relative && !PURE_IMPORTS.includes(pureNameOf(to)))
    .map((edge) => describe(edge, `must not use ${edge.to}`))
  return [...imports, ...findNodes(protocol, impurityOf)]
}

/** Only cli/ writes to the terminal; the rest logs. */
export const noConsole: Rule = (sources) =>
  findNodes(only(sources, ['node', 'agent', 'store', 'protocol']), (node) =>
    ts.isIdentifier(node) && node.text === 'console' ? 'console' : undefined,
  )

/** No file is longer than 300 lines. */
export const shortFiles: Rule = (sources) =>
  [...sources]
    .map(([path, text]) => ({ path, lines: text.replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path}: ${lines} lines, and ${MAX_LINES} are allowed`)

/** Folders and files are named in kebab-case. */
export const kebabCase: Rule = (sources) =>
  [...sources.keys()]
    .filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(path))
    .map((path) => `${path}: not in kebab-case`)

/** Every package that is imported is one of `declared`: none is there only by another's need. */
export function undeclared(sources: Sources, declared: ReadonlySet<string>): string[] {
  return importsOf(sources)
    .filter(({ to, relative }) => !relative && !isBuiltin(to) && !declared.has(packageOf(to)))
    .map((edge) => describe(edge, `imports ${edge.to}, which is not in package.json`))
}

function folderOf(path: string): string | undefined {
  const [root, folder, file] = path.split('/')
  if (root !== 'src' || folder === undefined || file === undefined) return undefined
  return folder in MAY_IMPORT ? folder : undefined
}

function only(sources: Sources, folders: readonly string[]): Sources {
  return new Map([...sources].filter(([path]) => folders.includes(folderOf(path) ?? '')))
}

function describe({ from, line }: Import, problem: string): string {
  return `${from}:${line}: ${problem}`
}

/** `fs` and `node:fs` are one; a part of a package counts as the package. */
function pureNameOf(specifier: string): string {
  if (!isBuiltin(specifier)) return packageOf(specifier)
  return specifier.startsWith('node:') ? specifier : `node:${specifier}`
}

function findNodes(sources: Sources, test: (node: ts.Node) => string | undefined): string[] {
  const found: string[] = []
  for (const file of parse(sources)) {
    visit(file, (node) => {
      const problem = test(node)
      if (problem !== undefined) found.push(`${file.fileName}:${lineOf(node)}: uses ${problem}`)
    })
  }
  return found
}

function impurityOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && IMPURE_MEMBERS.includes(node.getText())) {
    return node.getText()
  }
  if (ts.isNewExpression(node) && node.getText() === 'new Date()') return 'new Date()'
  return ts.isIdentifier(node) && IMPURE_NAMES.includes(node.text) ? node.text : undefined
}
