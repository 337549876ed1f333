import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild } from '../../../src/agent/child.ts'
import { sandboxed, searchPath, shellStanding } from '../../../src/agent/tools/shell-sandbox.ts'
import type { ShellStanding } from '../../../src/agent/tools/shell-sandbox.ts'
import { shellTool } from '../../../src/agent/tools/shell.ts'
import type { ToolOutput } from '../../../src/agent/tools/tool.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { eventually } from '../../helpers/eventually.ts'
import { askOf } from '../asks.ts'

describe('shell', () => {
  let workspace: string
  /** Whether sandboxes are bounded here. */
  let bounded = false

  beforeEach(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'kith-shell-'))
    await writeFile(join(workspace, 'plants.md'), 'water\n')
  })

  afterEach(() => rm(workspace, { recursive: true }))

  async function run(command: string, sandboxed: boolean, seconds = 20): Promise<ToolOutput> {
    const env = { PATH: '/usr/bin:/bin' }
    const tool = shellTool({ workspace, standing: { sandboxed, bounded }, env })
    const plan = await tool.plan({ command, seconds }, askOf(''))
    return plan.run(new AbortController().signal)
  }

  describe('without a sandbox', () => {
    it('runs one program with its words, and gives it no variable of ours', async () => {
      assert.match((await run('cat plants.md', false)).text, /^exit 0\nwater\n$/u)
      assert.equal((await run('env', false)).text, 'exit 0\nPATH=/usr/bin:/bin\n')
    })

    for (const command of ['ls | wc', 'ls *', 'echo $HOME', 'cd x', 'ls > a', 'ls; ls', 'ls\nls']) {
      it(`has no shell for ${JSON.stringify(command)}`, async () => {
        await assert.rejects(run(command, false), (err) => isFailure(err, 'bad-request'))
      })
    }

    it('ends a program that takes too long', async () => {
      assert.match((await run('sleep 60', false, 1)).text, /^ended after 1 s/u)
    })

    it('ends a program that writes too much', async () => {
      assert.match((await run('yes', false)).text, /^ended: it wrote more than/u)
    })
  })

  describe('in a sandbox', () => {
    let standing: ShellStanding

    before(async function () {
      standing = await shellStanding('required')
      bounded = standing.bounded
      if (!bounded) process.stderr.write(`NOT TESTED: bounds; ${standing.text}\n`)
      if (standing.offered) return
      process.stderr.write(`NOT TESTED: ${standing.text}\n`)
      this.skip()
    })

    it('writes to the workspace, by a shell', async () => {
      assert.match(
        (await run('cat plants.md | tr a-z A-Z > new.md; pwd', true)).text,
        /\/workspace/u,
      )
      assert.equal(await readFile(join(workspace, 'new.md'), 'utf8'), 'WATER\n')
    })

    const closed: [what: string, command: string][] = [
      ['the system', 'touch /usr/x'],
      ['a home', `ls ${homedir()}`],
      ['the folder of the workspace on the host', 'ls /tmp/kith-shell-*'],
      ['our variables', 'test -n "$KITH_SECRET"'],
      ['a network', 'cat < /dev/tcp/127.0.0.1/1'.replace('/dev/tcp', '"/dev"/tcp')],
      ['users of the host', 'cat /etc/passwd'],
    ]
    for (const [what, command] of closed) {
      it(`does not reach ${what}`, async () => {
        process.env['KITH_SECRET'] = 'x'
        const { failed, text } = await run(command, true)
        delete process.env['KITH_SECRET']
        assert.equal(failed, true, text)
      })
    }

    it('runs nothing that the settings of a repository name which a tool for files can make', async () => {
      await mkdir(join(workspace, 'objects'))
      await mkdir(join(workspace, 'refs'))
      await writeFile(join(workspace, 'HEAD'), 'ref: refs/heads/main\n')
      const core = 'bare = false\nworktree = .\nfsmonitor = "touch ran; false"\n'
      await writeFile(join(workspace, 'config'), `[core]\n${core}`)
      assert.match((await run('git status', true)).text, /safe\.bareRepository/u)
      await assert.rejects(readFile(join(workspace, 'ran')), { code: 'ENOENT' })
    })

    describe('that is bounded', () => {
      before(function () {
        if (!bounded) this.skip()
      })

      const refused: [what: string, command: string, why: RegExp][] = [
        ['more memory than it may have', 'dd if=/dev/zero bs=3G count=1 | wc -c', /exhausted/u],
        [
          'more in /tmp than that holds',
          'truncate -s 1M /tmp/a && fallocate -l 300M /tmp/a',
          /left/u,
        ],
        ['more in /dev/shm than that holds', 'fallocate -l 300M /dev/shm/a', /left/u],
        ['files beside its folders', 'touch /x', /Read-only/u],
        ['files in /dev', 'touch /dev/x', /Read-only/u],
        ['a sandbox of its own', 'unshare -U true', /No space left/u],
      ]
      for (const [what, command, why] of refused) {
        it(`gets not ${what}`, async () => {
          assert.match((await run(`set -o pipefail; ${command}`, true)).text, why)
        })
      }

      it('gets some of each', async () => {
        const little = 'fallocate -l 1M /tmp/a && fallocate -l 1M /dev/shm/a && touch x'
        const { text } = await run(`dd if=/dev/zero bs=64M count=1 | wc -c; ${little}`, true)
        assert.match(text, /^exit 0\n67108864\n/u)
      })

      it('ends with all that it has started, and starts no more than so many', async () => {
        await chmod(workspace, 0o777)
        // The bound does not hold for root: the same is run as nobody then.
        const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
        const bomb = ['bash', '-c', 'for i in $(seq 600); do sleep 31.4 & done; wait']
        const [program, ...rest] = [
          ...(process.getuid?.() === 0 ? asNobody : []),
          ...sandboxed(bomb, { bounded, workspace }),
        ]
        const init = { argv: [program ?? '', ...rest] as const, cwd: workspace, env: searchPath() }
        const child = await startChild(init, AbortSignal.timeout(3_000))
        child.stdin.end()
        child.stdout.resume()
        await child.ended
        assert.match(child.stderrTail, /Resource temporarily unavailable/u)
        await eventually(async () => {
          assert.ok(!(await programs()).includes('sleep\u000031.4'))
        })
      })
    })

    it('sees no process but its own', async () => {
      const { text } = await run('ls -d /proc/[0-9]* | wc -l', true)
      assert.ok(Number(/\n(\d+)/u.exec(text)?.[1]) < 10, text)
    })

    it('has no interface but the loopback', async () => {
      assert.equal(
        (await run('tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "', true)).text,
        'exit 0\nlo\n',
      )
    })
  })

  it('is not offered without a sandbox, unless the owner has it so', async () => {
    const { PATH } = process.env
    process.env['PATH'] = workspace
    try {
      assert.deepEqual(pick(await shellStanding('auto')), { offered: false, ok: true })
      assert.deepEqual(pick(await shellStanding('required')), { offered: false, ok: false })
      assert.deepEqual(pick(await shellStanding('off')), { offered: true, ok: true })
    } finally {
      process.env['PATH'] = PATH
    }
  })
})

/** What the arguments of all processes of this machine are. */
async function programs(): Promise<string> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name))
  const all = ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''))
  return (await Promise.all(all)).join('\n')
}

function pick({ offered, ok }: ShellStanding): Pick<ShellStanding, 'offered' | 'ok'> {
  return { offered, ok }
}
