import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { ROOT } from '../helpers/imports.ts'

const run = promisify(execFile)

/** What a checkout holds that is made there and never packed. */
const NOT_COPIED = ['node_modules', '.git', 'dist', 'coverage']

// Slow, because npm installs every dependency anew: 5 s from its cache, longer from the network.
describe('the published package', function () {
  this.timeout(180_000)

  let home: string
  let installed: string

  // In a copy, so that neither dist/ nor a tarball appears where somebody works.
  before(async () => {
    home = await realpath(await mkdtemp(join(tmpdir(), 'kith-package-')))
    const checkout = join(home, 'checkout')
    await cp(ROOT, checkout, {
      recursive: true,
      filter: (path) => !NOT_COPIED.includes(path.slice(ROOT.length)),
    })
    await symlink(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
    await npm(checkout, 'pack', '--pack-destination', home)
    const tarball = join(home, `${manifest.name}-${manifest.version}.tgz`)
    const quietly = ['--prefer-offline', '--no-audit', '--no-fund']
    await npm(home, 'install', '--global', '--prefix', join(home, 'prefix'), ...quietly, tarball)
    installed = join(home, 'prefix/lib/node_modules', manifest.name)
  })

  after(async () => {
    await rm(home, { recursive: true })
  })

  it('holds each of its files, and neither sources nor tests', async () => {
    const files = ['CHANGELOG.md', 'LICENSE', 'PROTOCOL.md', 'README.md', 'package.json']
    const expected = [...files, 'bin', 'dist', 'docs', 'peers.example.yaml', 'node_modules']
    assert.deepEqual((await readdir(installed)).sort(), expected.sort())
    assert.deepEqual(await readdir(join(installed, 'bin')), ['kith.js'])
  })

  it('installs a kith that tells its version', async () => {
    const { stdout, stderr } = await run(join(home, 'prefix/bin/kith'), ['--version'], {
      env: withThisNode(),
    })
    assert.equal(stdout.trim(), manifest.version)
    assert.equal(stderr, '')
  })

  it('reads neither libp2p nor level to do so', async () => {
    const read = await staticallyLoaded(join(installed, 'dist/cli.js'))
    // Above the code of each bundled file stands its path, as a comment.
    assert.match(read, /^\/\/ src\/cli\/main\.ts$/m)
    assert.doesNotMatch(read, /^\/\/ node_modules\/(libp2p|@libp2p|@chainsafe)\/|from "level"/m)
  })
})

async function npm(cwd: string, ...args: string[]): Promise<void> {
  await run('npm', args, { cwd, env: withThisNode() })
}

/** The environment in which `node` is the one that runs this test. */
function withThisNode(): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter)
  return { ...process.env, PATH: path }
}

/** The text of `file` and of all chunks that loading it loads. */
async function staticallyLoaded(file: string, seen = new Set<string>()): Promise<string> {
  if (seen.has(file)) return ''
  seen.add(file)
  const code = await readFile(file, 'utf8')
  const chunks = [...code.matchAll(/^(?:import|export) [^;]*?"(\.[^"]+)";$/gm)]
  const rest = await Promise.all(
    chunks.map(([, chunk = '']) => staticallyLoaded(join(dirname(file), chunk), seen)),
  )
  return [code, ...rest].join('\n')
}
