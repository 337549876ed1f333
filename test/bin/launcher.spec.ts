import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, sep } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { transform } from 'esbuild'
import { ROOT } from '../helpers/imports.ts'

/** Stands in for src/cli/main.ts; without its types, for dist/cli.js. */
const MAIN = `
export async function main(argv: string[]) {
  const [what, how] = argv.slice(2)
  if (what === 'exit') return Number(how)
  if (what === 'die') process.kill(process.pid, how)
  if (what === 'wait') return wait(['SIGINT', 'SIGTERM', 'SIGHUP'])
  if (what === 'wait-for-term') {
    // Whatever the launcher passes on for this SIGINT, it passes on before this SIGTERM.
    process.once('SIGINT', () => process.kill(process.ppid, 'SIGTERM'))
    return wait(['SIGTERM'])
  }
  console.log(JSON.stringify({ main: 'MAIN', argv: argv.slice(2), node: process.version }))
  return 0
}

async function wait(last: string[]) {
  const signals: string[] = []
  let patience
  await new Promise((resolve) => {
    // Keeps it alive, and lets no failed test leave it behind.
    patience = setTimeout(resolve, 10_000)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        signals.push(signal)
        if (last.includes(signal)) resolve(signals)
      })
    }
    console.log('ready')
  })
  clearTimeout(patience)
  console.log(signals.join())
  return 7
}
`

const oldNode = findOldNode()

describe('bin/kith.js', () => {
  let home: string

  beforeEach(async () => {
    home = await realpath(await mkdtemp(join(tmpdir(), 'kith-launcher-')))
    await mkdir(join(home, 'bin'))
    await copyFile(join(ROOT, 'bin/kith.js'), join(home, 'bin/kith.js'))
    await plant('package.json', '{ "type": "module" }')
    await plant('src/cli/main.ts', MAIN.replace("'MAIN'", "'src'"))
    await plant('dist/cli.js', MAIN.replaceAll(': string[]', '').replace("'MAIN'", "'dist'"))
  })

  afterEach(async () => {
    await rm(home, { recursive: true })
  })

  async function plant(path: string, content: string): Promise<void> {
    await mkdir(dirname(join(home, path)), { recursive: true })
    await writeFile(join(home, path), content)
  }

  /** Puts `node` where the npm package of that name has its binary. */
  async function plantNodePackage(node: string): Promise<void> {
    await mkdir(join(home, 'node_modules/node/bin'), { recursive: true })
    await symlink(node, join(home, 'node_modules/node/bin/node'))
  }

  function run(
    node: string,
    ...args: string[]
  ): { status: number | null; out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(node, args, { encoding: 'utf8' })
    return { status, out: stdout, err: stderr }
  }

  it('is read by Node 16: esbuild finds no syntax in it to lower', async () => {
    const source = await readFile(join(ROOT, 'bin/kith.js'), 'utf8')
    const options = { format: 'esm', legalComments: 'none' } as const
    const [asIs, lowered] = await Promise.all([
      transform(source, { ...options, target: 'esnext' }),
      transform(source, { ...options, target: 'node16' }),
    ])
    assert.equal(lowered.code, asIs.code)
  })

  describe('under a Node that is new enough', () => {
    const node = process.execPath

    it('runs src/ in a checkout, with the arguments as they came', () => {
      const { out, err } = run(node, join(home, 'bin/kith.js'), 'ask', '--', '-x', 'a b')
      const argv = ['ask', '--', '-x', 'a b']
      assert.deepEqual(JSON.parse(out), { main: 'src', argv, node: process.version })
      assert.equal(err, '')
    })

    it('runs dist/ where there is no src/', async () => {
      await rm(join(home, 'src'), { recursive: true })
      const { out } = run(node, join(home, 'bin/kith.js'))
      assert.deepEqual(JSON.parse(out), { main: 'dist', argv: [], node: process.version })
    })

    it('finds its files when started through a link', async () => {
      await symlink(join(home, 'bin/kith.js'), join(home, 'kith'))
      assert.match(run(node, join(home, 'kith')).out, /"main":"src"/)
    })

    it('exits with the code that main returns', () => {
      assert.equal(run(node, join(home, 'bin/kith.js'), 'exit', '75').status, 75)
    })
  })

  describe('under a Node that is too old', () => {
    let old: { path: string; version: string }

    before(function () {
      if (oldNode === undefined) {
        console.warn('    SKIPPED: no Node older than 22.18 was found on PATH')
        this.skip()
      }
      old = oldNode
    })

    function message(): string {
      return (
        `kith: Node.js 22.18 or newer is needed; this is v${old.version} (${old.path}). ` +
        'Install it from https://nodejs.org or run: npm install -g node@24\n'
      )
    }

    it('says on one line what is needed, and exits 1', () => {
      const { status, out, err } = run(old.path, join(home, 'bin/kith.js'), '--version')
      assert.deepEqual({ status, out, err }, { status: 1, out: '', err: message() })
    })

    it('says so when the npm package node is this Node, and does not start it for ever', async () => {
      await plantNodePackage(old.path)
      const { status, err } = run(old.path, join(home, 'bin/kith.js'))
      assert.deepEqual({ status, err }, { status: 1, err: message() })
    })

    it('says so when the npm package node holds what does not run here', async () => {
      await plant('node_modules/node/bin/node', 'not a program')
      const { status, err } = run(old.path, join(home, 'bin/kith.js'))
      assert.deepEqual({ status, err }, { status: 1, err: message() })
    })

    describe('and beside the npm package node', () => {
      beforeEach(() => plantNodePackage(process.execPath))

      it('runs under that one, with the arguments as they came', () => {
        const { status, out, err } = run(old.path, join(home, 'bin/kith.js'), 'ask', '--', 'a b')
        const argv = ['ask', '--', 'a b']
        assert.deepEqual(JSON.parse(out), { main: 'src', argv, node: process.version })
        assert.deepEqual({ status, err }, { status: 0, err: '' })
      })

      it('does so when started through a link', async () => {
        await symlink(join(home, 'bin/kith.js'), join(home, 'kith'))
        assert.match(run(old.path, join(home, 'kith')).out, new RegExp(process.version))
      })

      it('exits with its code', () => {
        assert.equal(run(old.path, join(home, 'bin/kith.js'), 'exit', '75').status, 75)
      })

      for (const signal of ['SIGKILL', 'SIGTERM']) {
        it(`ends by ${signal} when that one does`, () => {
          const ended = spawnSync(old.path, [join(home, 'bin/kith.js'), 'die', signal])
          assert.equal(ended.signal, signal)
        })
      }

      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        it(`passes ${signal} on and waits for it to end`, async () => {
          const child = spawn(old.path, [join(home, 'bin/kith.js'), 'wait'], {
            stdio: ['ignore', 'pipe', 'inherit'],
          })
          const { out, code } = await whenReady(child, () => child.kill(signal))
          assert.deepEqual({ out, code }, { out: `ready\n${signal}\n`, code: 7 })
        })
      }

      it('lets Ctrl-C at a terminal arrive once', async function () {
        const hasScript = spawnSync('script', ['--version']).status === 0
        if (!hasScript) {
          console.warn('    SKIPPED: needs the program `script` of util-linux for a terminal')
          this.skip()
        }
        const command = `exec '${old.path}' '${join(home, 'bin/kith.js')}' wait-for-term`
        const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'])
        const { out, code } = await whenReady(child, () => child.stdin.write('\x03'))
        assert.match(out, /^ready\r\n(\^C)?SIGINT,SIGTERM\r\n$/)
        assert.equal(code, 7)
      })
    })
  })
})

/** What `child` said in all, and its exit code. Calls `then` once it has said it is ready. */
async function whenReady(
  child: ChildProcessByStdio<Writable | null, Readable, Readable | null>,
  then: () => void,
): Promise<{ out: string; code: number | null }> {
  const closed = once(child, 'close')
  child.stdout.once('data', then)
  const out = await text(child.stdout)
  const [code] = (await closed) as [number | null]
  return { out, code }
}

/** A Node on PATH, or in its usual places, that is older than 22.18. */
function findOldNode(): { path: string; version: string } | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/bin', '/usr/bin']
  for (const folder of folders.filter((name) => !name.includes(`${sep}node_modules${sep}`))) {
    const path = join(folder, 'node')
    const { stdout } = spawnSync(path, ['-p', 'process.execPath + " " + process.versions.node'], {
      encoding: 'utf8',
    })
    const [execPath, version] = ((stdout as string | null) ?? '').trim().split(' ')
    if (execPath === undefined || version === undefined) continue
    const [major = 0, minor = 0] = version.split('.').map(Number)
    if (major < 22 || (major === 22 && minor < 18)) return { path: execPath, version }
  }
  return undefined
}
