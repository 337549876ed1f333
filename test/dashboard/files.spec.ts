import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import ts from 'typescript'
import { bundlePage } from '../../bin/bundle.ts'
import { dashboardFiles } from '../../src/node/http/dashboard/files.ts'
import { importsOf, parse, readSources, visit } from '../helpers/imports.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const PAGE = 'src/node/http/dashboard/page'

/** Names that Node has and browsers have not, or that make markup or code out of texts. */
const FORBIDDEN = [
  ...['process', 'Buffer', 'global', 'require', '__dirname', '__filename', 'setImmediate'],
  ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'DOMParser', 'eval', 'Function'],
  ...['setHTMLUnsafe', 'createContextualFragment', 'write', 'srcdoc'],
]

describe('the files of the dashboard', () => {
  const folder = tempFolder()

  it('hold the page and each module that another one asks for, without types', async () => {
    const files = await dashboardFiles()
    assert.match(text(files, '/'), /<script type="module" src="app.js">/)
    assert.equal(files.get('/')?.type, 'text/html; charset=utf-8')
    assert.deepEqual(files.get('/app.js'), files.get('/app.ts'))
    for (const [path, { type }] of files) {
      if (!type.startsWith('text/javascript')) continue
      const code = text(files, path)
      // A browser resolves paths above the root as the root.
      const asked = importsOf(new Map([[`at${path}`, code]])).map(({ to }) => to)
      const missing = asked
        .map((to) => posix.join('/', to.replace(/^at\//, '').replace(/^(\.\.\/)+/, '')))
        .filter((to) => !files.has(to))
      assert.deepEqual(missing, [], path)
      assert.doesNotMatch(code, /^import type|^export interface/m)
    }
  })

  it('are one module when they are built, beside the page and its style', async () => {
    await bundlePage(folder())
    const made = await readdir(folder(), { recursive: true, withFileTypes: true })
    const names = made.filter((entry) => entry.isFile()).map(({ name }) => name)
    const styles = ['frame.css', 'ground.css', 'parts.css', 'sections.css', 'windows.css']
    assert.deepEqual(names.sort(), ['app.js', 'icon.svg', 'index.html', ...styles].sort())
    const code = await readFile(join(folder(), 'app.js'), 'utf8')
    assert.doesNotMatch(code, /^import |\bfrom "|import\(/m)
  })

  it('name nothing from elsewhere', async () => {
    for (const [path, { body }] of await dashboardFiles()) {
      const found =
        Buffer.from(body)
          .toString()
          .match(/https?:\/\/[^\s'"`)]*/g) ?? []
      const known = found.filter((url) => url !== 'http://www.w3.org/2000/svg')
      assert.deepEqual(known, [], path)
    }
  })

  it('use nothing that only Node has, and nothing that makes markup out of a text', () => {
    const found: string[] = []
    for (const file of parse(readSources(PAGE))) {
      visit(file, (node) => {
        if (ts.isIdentifier(node) && FORBIDDEN.includes(node.text)) {
          found.push(`${file.fileName}: ${node.text}`)
        }
      })
    }
    assert.deepEqual(found, [])
    const outside = importsOf(readSources(PAGE))
      .filter(({ kind }) => kind !== 'type')
      .filter(({ to }) => !to.startsWith(PAGE))
      .map(({ to }) => to)
    assert.deepEqual([...new Set(outside)].sort(), [
      'src/node/control/paths.ts',
      'src/protocol/text.ts',
    ])
  })
})

function text(files: Awaited<ReturnType<typeof dashboardFiles>>, path: string): string {
  return Buffer.from(files.get(path)?.body ?? []).toString()
}
