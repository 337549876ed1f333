import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import manifest from '../../package.json' with { type: 'json' }
import { lockedPackages } from '../../src/node/deps/locked-packages.ts'
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

  it('backs a home up, which takes the file of a thread that nothing imports', async () => {
    const env = { ...withThisNode(), KITH_HOME: join(home, 'home') }
    const kith = join(home, 'prefix/bin/kith')
    await run(kith, ['init', '--clear', '--listen', '/ip4/127.0.0.1/tcp/0'], { env })
    const to = join(home, 'backups')
    await mkdir(to, { mode: 0o700 })
    const recipient = await identityToRecipient(await generateX25519Identity())
    await run(kith, ['backup', 'create', '--recipient', recipient, '--to', to], { env })
    const [file = ''] = await readdir(to)
    assert.match(await readFile(join(to, file), 'latin1'), /^age-encryption\.org\/v1\n/)
  })

  it('G10: knows the exact version of each package that is inside it, and says "not checked" without a list', async () => {
    const env = { ...withThisNode(), KITH_HOME: join(home, 'home') }
    const kith = join(home, 'prefix/bin/kith')
    const told = await run(kith, ['audit', 'deps', '--offline', '--json'], { env }).catch(
      (err: unknown) => err as { code: number; stdout: string },
    )
    assert.ok('code' in told)
    assert.equal(told.code, 75)
    const { packages, state } = JSON.parse(told.stdout) as { packages: number; state: string }
    assert.equal(state, 'not-checked')
    assert.equal(packages, lockedPackages(ROOT).length)
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

/** The environment in which `node` is the one that runs this test, without settings of kith. */
function withThisNode(): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter)
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('KITH_'))
  return { ...Object.fromEntries(others), PATH: path }
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
