import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The repository's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Path from the repository's root, with `/`, to the text of that file. */
export type Sources = ReadonlyMap<string, string>

/** One import, `export … from`, `import()` or `import('…').Type`. */
export interface Import {
  /** The file that imports. */
  from: string
  /** A path from the repository's root, or a package or builtin as written. */
  to: string
  relative: boolean
  /** `type` leaves nothing behind at runtime; `dynamic` loads when it is reached. */
  kind: 'static' | 'type' | 'dynamic'
  line: number
}

/** Every file below `folder`, by its path from the repository's root. */
export function readSources(folder: string): Sources {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(ROOT.length), readFileSync(path, 'utf8')] as const
    }),
  )
}

/** The syntax trees of the TypeScript files in `sources`. */
export function parse(sources: Sources): ts.SourceFile[] {
  return [...sources]
    .filter(([path]) => path.endsWith('.ts'))
    .map(([path, text]) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
}

/** All imports of all files, in the order they are written. */
export function importsOf(sources: Sources): Import[] {
  return parse(sources).flatMap((file) => {
    const found: Import[] = []
    visit(file, (node) => {
      const edge = asImport(node)
      if (edge === undefined) return
      const { specifier, kind } = edge
      const relative = specifier.startsWith('.')
      const to = relative ? posix.join(posix.dirname(file.fileName), specifier) : specifier
      found.push({ from: file.fileName, to, relative, kind, line: lineOf(node) })
    })
    return found
  })
}

/** Calls `look` with `node` and everything below it. */
export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  ts.forEachChild(node, (child) => {
    visit(child, look)
  })
}

/** Line of `node` in its file, from 1. */
export function lineOf(node: ts.Node): number {
  const file = node.getSourceFile()
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
}

/** The package that an import like `@scope/name/part` or `name/part` needs. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function asImport(node: ts.Node): { specifier: string; kind: Import['kind'] } | undefined {
  if (ts.isImportDeclaration(node)) {
    // `import { type A }` still loads the file; only `import type` leaves nothing behind.
    const erased = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    return { specifier: textOf(node.moduleSpecifier), kind: erased ? 'type' : 'static' }
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return { specifier: textOf(node.moduleSpecifier), kind: node.isTypeOnly ? 'type' : 'static' }
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { specifier: textOf(node.argument.literal), kind: 'type' }
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return { specifier: textOf(node.arguments[0]), kind: 'dynamic' }
  }
  return undefined
}

/** @throws {TypeError} for an import whose target is computed: no rule could see it. */
function textOf(node: ts.Node | undefined): string {
  if (node !== undefined && ts.isStringLiteralLike(node)) return node.text
  throw new TypeError(`an import must name its file: ${node?.getText() ?? 'nothing'}`)
}
