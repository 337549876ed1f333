/*
 * The failure guide of docs/operations.md: each message in it is provoked by the failure that it tells of, and what kith
 * says to type next is what the page says. Nodes, sockets, files and processes are real.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { Encrypter } from 'age-encryption'
import { processContext } from '../../src/cli/context.ts'
import { runCommandLine } from '../../src/cli/main.ts'
import { buildFindings } from '../../src/node/checks/process-checks.ts'
import { makePrivateFolder } from '../../src/store/atomic-file.ts'
import { openLevel, writeFormat } from '../../src/store/level.ts'
import type { LevelDb } from '../../src/store/level.ts'
import { Screen } from '../cli/fake-cli.ts'
import { checkedNodes } from '../helpers/checked-node.ts'
import type { CheckedNode, CommandEnd } from '../helpers/checked-node.ts'
import { daemonHome } from '../helpers/daemon-home.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/free-port.ts'
import { HttpNode } from '../helpers/http-node.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { sealKeys } from '../helpers/sealed-keys.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { code, page, section, tables } from './markdown.ts'

const PASSPHRASE = 'four words of mine'
const ROWS = tables(section(page('docs/operations.md'), '## When something fails')).flat()
/** Those that have a message; the others are seen as a service manager ends or starts a process. */
const MESSAGES = ROWS.map(([seen]) => code(seen)).filter((seen) => seen !== '')

const PROVIDER = { name: 'lab', kind: 'openai-compatible', url: 'http://127.0.0.1:9/v1' }
const MODEL = {
  version: 1,
  listen: ['/ip4/127.0.0.1/tcp/0'],
  agent: {
    engine: 'model',
    providers: [PROVIDER],
    model: { use: ['lab/small'] },
    mcp: [{ name: 'files', run: ['/nowhere/server'] }],
  },
}

/** That this is what the guide says is seen, and that what is to be typed next stands there too. */
function says({ err, out }: Pick<CommandEnd, 'err' | 'out'>, seen: string): void {
  const printed = `${out}\n${err}`
  const row = ROWS.find(([message]) => code(message) === seen)
  assert.ok(row, `the guide does not have ${seen}`)
  const escaped = seen.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('…', '.*?')
  const [, rest = ''] = new RegExp(`${escaped}([^]*)`).exec(printed) ?? []
  assert.ok(new RegExp(escaped).test(printed), `${seen}\n${printed}`)
  // The first one below it, in the same line or the next.
  const [, hint] = /^.*\n\s*(?:try:) (.*)/.exec(rest) ?? []
  if (hint === undefined) return
  // What is of this test stands for any: its home, and the names in it.
  const general = hint.replace(/--home \S+ /, '').replace(/ (?:bert|bad)\b/, ' NAME')
  const [typed = ''] = /^[a-z][a-z -]*[a-z](?![a-z])/.exec(general) ?? []
  assert.ok(row[2]?.includes(typed), `${seen}: the guide does not say ${typed}`)
}

describe('docs/operations.md: when something fails', function () {
  this.timeout(60_000)
  const folder = tempFolder()

  /** kith in this process, for a home that need not have a node that runs. */
  async function kith(
    home: string,
    args: string[],
    input = '',
    env: NodeJS.ProcessEnv = {},
  ): Promise<CommandEnd> {
    const argv = ['node', 'kith', '--home', home, ...args]
    const cli = processContext(argv)
    const [stdout, stderr] = [new Screen(), new Screen()]
    Object.assign(cli, { stdout, stderr, env, stdin: Readable.from([input]) })
    const end = await runCommandLine(cli, argv)
    return { code: end, out: stdout.text, err: stderr.text }
  }

  /** `kith start` of a home on which no node starts. */
  async function start(home: string, env: NodeJS.ProcessEnv = {}): Promise<CommandEnd> {
    const end = await kith(home, ['start'], '', env)
    assert.notEqual(end.code, 0)
    return end
  }

  it('has a test that provokes each message', () => {
    const own = page('test/docs/failures.spec.ts')
    assert.ok(MESSAGES.length > 40)
    assert.deepEqual(
      MESSAGES.filter((seen) => !own.includes(seen)),
      [],
    )
    for (const row of ROWS) assert.ok(row.length === 3 && row.every((cell) => cell !== ''), row[0])
  })

  describe('of a home', () => {
    let home: string

    beforeEach(async () => {
      home = join(folder(), 'home')
      const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
      const end = await kith(home, ['init', '--clear', '--name', 'home', ...listen])
      assert.equal(end.code, 0, end.err)
    })

    async function add(file: string, line: string): Promise<void> {
      const before = await readFile(join(home, file), 'utf8').catch(() => '')
      await writeFile(join(home, file), before + line, { mode: 0o600 })
    }

    async function openStore(): Promise<LevelDb> {
      await makePrivateFolder(join(home, 'store'))
      return await openLevel(join(home, 'store'))
    }

    /** The file of a new backup. */
    async function backUp(): Promise<string> {
      const { err, out } = await kith(home, ['backup', 'create', '--to', folder(), '--json'])
      assert.equal(err, '')
      return (JSON.parse(out) as { file: string }).file
    }

    /** A backup that an identity opens, which is quicker than a passphrase, and the arguments to restore it. */
    async function backUpForIdentity(): Promise<{ file: string; restore: string[] }> {
      const identity = join(folder(), 'identity.txt')
      const { out } = await kith(home, ['backup', 'keygen', identity])
      await add('config.yaml', `backup: {recipients: [${out.trim()}]}\n`)
      const file = await backUp()
      return { file, restore: ['restore', file, '--force', '--identity', identity] }
    }

    it('G12: nothing runs', async () => {
      says(await kith(home, ['status']), 'no node is running in …')
    })

    it('G12: there is no node, as with a mistyped KITH_HOME', async () => {
      says(await kith(join(folder(), 'hom'), ['start']), 'there is no node in …')
    })

    it('G12: others can enter the home', async () => {
      await chmod(home, 0o755)
      says(await start(home), '… is open to other users')
    })

    it('G12: a key of config.yaml is mistyped', async () => {
      await add('config.yaml', 'lisen: 3\n')
      says(await start(home), 'config.yaml:…: unknown key … (did you mean …?)')
    })

    it('G12: a name in the environment is mistyped', async () => {
      says(await start(home, { KITH_LISEN: '3' }), 'unknown setting KITH_… in the environment')
    })

    it('G12: another program has the port', async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      const end = await start(home, { KITH_LISTEN: `/ip4/127.0.0.1/tcp/${port}` })
      server.close()
      says(end, 'cannot listen on …: EADDRINUSE: …')
    })

    it('G12: peers.yaml cannot be taken', async () => {
      await add('peers.yaml', 'version: 1\npeers: [{name: Bob}]\n')
      says(await start(home), 'peers.yaml:…: peers[0]: …')
    })

    it('G12: the store is damaged', async () => {
      await (await openStore()).close()
      await writeFile(join(home, 'store', 'CURRENT'), 'nonsense\n')
      says(await start(home), '…/store is damaged')
    })

    it('G12: the store is of a later kith', async () => {
      const level = await openStore()
      await writeFormat(level, 99)
      await level.close()
      says(await start(home), '… has format 99; this kith knows up to …')
    })

    it('G12: the key in use is gone', async () => {
      await rm(join(home, 'keys'), { recursive: true })
      says(await start(home), '… is missing, damaged, or belongs to another identity')
    })

    it('G12: the keys are sealed, and nobody says their passphrase, or the wrong one', async () => {
      await sealKeys(home, PASSPHRASE)
      says(await start(home), '… is sealed by a passphrase')
      const file = join(folder(), 'passphrase')
      await writeFile(file, 'another one\n', { mode: 0o600 })
      says(
        await start(home, { KITH_PASSPHRASE_FILE: file }),
        'the passphrase does not open …/keys/…',
      )
    })

    it('G12: a backup is opened by the wrong passphrase', async () => {
      const encrypter = new Encrypter()
      encrypter.setPassphrase(PASSPHRASE)
      // One that is quicker to open than what kith seals, and not to be opened either.
      encrypter.setScryptWorkFactor(10)
      const file = join(folder(), 'sealed.age')
      await writeFile(file, await encrypter.encrypt('the archive'))
      const restore = ['restore', file, '--force', '--passphrase-stdin']
      says(await kith(home, restore, 'other words\n'), 'the passphrase does not open the backup')
    })

    it('G12: a backup is damaged', async () => {
      const { file, restore } = await backUpForIdentity()
      const bytes = await readFile(file)
      await writeFile(file, bytes.fill(1, bytes.length - 30))
      says(await kith(home, restore), 'the backup is damaged: …')
    })

    it('G12: a backup is of another node', async () => {
      const { restore } = await backUpForIdentity()
      const other = join(folder(), 'other')
      await kith(other, ['init', '--clear'])
      says(await kith(other, restore), 'the backup is of another node, …')
    })

    it('G12: key files are open to others', async () => {
      const [key = ''] = await readdir(join(home, 'keys'))
      await chmod(join(home, 'keys', key), 0o644)
      says(await kith(home, ['doctor', '--offline']), '… is open to other users')
    })
  })

  describe('of the daemon', () => {
    const homes = daemonHome()

    it('G12: it serves a node that does not answer', async () => {
      const home = homes()
      await home.make()
      await home.kith(['daemon', 'start'])
      await rm(home.home().socket)
      says(await home.kith(['status']), 'no node answers in …, and the daemon, process …, runs')
      const { code, out } = await home.kith(['doctor', '--json'])
      const { state } = JSON.parse(out) as { state: string }
      assert.deepEqual([code, state], [6, 'fail'])
      assert.match(out, /and the daemon, process \d+, serves it/)
    })

    it('G12: two are started', async () => {
      const home = homes()
      await home.make()
      await home.kith(['daemon', 'start'])
      const second = 'a daemon serves … already: process …, since …'
      says(await home.kith(['daemon', 'start', '--foreground']), second)
      const beside = 'a node is running in … already: process …, since …'
      says(await home.kith(['start']), beside)
      const file = join(home.base, 'nothing.age')
      says(await home.kith(['restore', file]), 'a node runs in …: process …')
      await home.kith(['daemon', 'restart'])
      says(await home.kith(['daemon', 'restart']), 'the daemon was restarted … s ago')
      says(await home.kith(['daemon', 'stop'], { env: { KITH_JOB: 'nightly' } }), 'is for a person')
    })

    it('G12: a home is restored whose node was stopped alone, while the daemon goes on', async () => {
      const home = homes()
      await home.make()
      await home.make('work')
      const [to, identity] = [folder(), join(folder(), 'identity.txt')]
      const { out } = await home.kith(['backup', 'keygen', identity])
      await home.kith(['config', 'set', 'backup.recipients', out.trim()])
      const made = await home.kith(['backup', 'create', '--to', to, '--json'])
      const { file } = JSON.parse(made.out) as { file: string }
      await home.kith(['daemon', 'start'])
      await home.kith(['stop'])
      const restore = ['restore', file, '--identity', identity, '--force']
      says(await home.kith(restore), 'a daemon serves … already: process …, since …')
      assert.equal((await home.kith(['daemon', 'stop'])).code, 0)
      assert.equal((await home.kith(restore)).code, 0)
    })

    it('G12: it may have few files open', async () => {
      const home = homes()
      await home.make()
      const line = 'ulimit -n 1024; exec "$0" "$1" --home "$2" daemon start'
      const args = ['-c', line, process.execPath, program('kith'), home.base]
      const env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: compileCache() }
      await once(spawn('sh', args, { stdio: 'ignore', env }), 'close')
      says(await home.kith(['doctor']), 'only … may be open at once')
    })

    it('G12: an MCP server does not start, and the model is not there', async () => {
      const home = homes()
      await home.make()
      await writeFile(home.home().config, JSON.stringify(MODEL), { mode: 0o600 })
      await home.kith(['daemon', 'start'])
      const ask = await home.kith(['ask', 'self', 'hi'])
      says(ask, 'this node failed (internal, incident: …)')
      says(await home.kith(['logs', '--source', 'service']), 'an mcp server failed')
    })

    it('G12: another build is on the disk than runs', () => {
      const [found] = buildFindings({ build: 'b1' }, () => 'b2')
      says(
        { out: `${found?.what ?? ''}\n  try: ${found?.hint ?? ''}`, err: '' },
        'build … runs, and … is on disk',
      )
    })
  })

  describe('of a peer', () => {
    const make = checkedNodes()
    let [anna, bert]: CheckedNode[] = []
    let listen: string[]

    beforeEach(async () => {
      ;[anna, bert] = [make('anna'), make('bert')]
      listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
      await bert.start({ flags: { listen } })
      await anna.start()
    })

    /** Anna pins bert, who lets her do so much. */
    async function pin(row: object | undefined): Promise<void> {
      assert.ok(anna && bert)
      const { id } = bert.node.self
      await anna.nodes.pin({ name: 'bert', id, addresses: listen, allow: ['ping'] }, 'anna')
      if (row === undefined) return
      const pinned = { name: 'anna', id: anna.node.self.id, addresses: [], ...row }
      await bert.nodes.pin(pinned, 'bert')
      await eventually(async () => {
        assert.equal((await kithOf(anna, 'ping', 'bert', '-c', '1')).code, 0)
      })
    }

    async function kithOf(node: CheckedNode | undefined, ...args: string[]): Promise<CommandEnd> {
      assert.ok(node)
      return await node.kith(...args)
    }

    it('G12: it has not pinned this node', async () => {
      await pin(undefined)
      await eventually(async () => {
        says(
          await kithOf(anna, 'doctor'),
          '… does not let this node in, and may have unpinned it: …',
        )
      })
    })

    it('G12: it has unpinned this node', async () => {
      await pin({ allow: ['ping'] })
      await kithOf(bert, 'peers', 'remove', 'anna')
      await eventually(async () => {
        says(
          await kithOf(anna, 'alerts', 'list'),
          '… has unpinned this node, and is dialled no more',
        )
      })
    })

    it('G12: it is off', async () => {
      await pin({ allow: ['ping', 'ask'] })
      await bert?.stop()
      says(await kithOf(anna, 'ping', 'bert', '-c', '1'), '… is not reachable: … ECONNREFUSED …')
      says(await kithOf(anna, 'ask', 'bert', 'help'), '… could not be reached (unreachable, …)')
      says(await kithOf(anna, 'doctor'), '… is offline, or not where its address says: …')
    })

    it('G12: this node has lost its network', async () => {
      await pin({ allow: ['ping', 'status'] })
      const carol = make('carol')
      await carol.start()
      const addresses = carol.node.mesh.addresses()
      assert.ok(anna)
      await anna.nodes.pin({ name: 'carol', id: carol.node.self.id, addresses }, 'anna')
      await carol.nodes.pin(
        { name: 'anna', id: anna.node.self.id, allow: ['ping', 'status'] },
        'carol',
      )
      await eventually(async () => {
        assert.match((await kithOf(anna, 'fleet')).out, /2 green/)
      })
      await carol.stop()
      await bert?.stop()
      says(
        await kithOf(anna, 'fleet'),
        'no peer answers: it is this node that seems to be off-line',
      )
    })

    it('G12: it does not let this node do so', async () => {
      await pin({ allow: ['ping'] })
      says(await kithOf(anna, 'ask', 'bert', 'help'), '… refused (denied, rule: allow, …)')
      says(await kithOf(anna, 'ping', 'bret'), 'no peer is named …')
    })

    it('G12: it lets this node do so less often', async () => {
      await pin({ allow: ['ping', 'ask'], ask: { per_minute: 1 } })
      await kithOf(anna, 'ask', 'bert', 'help')
      says(
        await kithOf(anna, 'ask', 'bert', 'help'),
        '… takes no more calls for now (rate-limited, …)',
      )
    })

    it('G12: its tools are not open to this node, so that a note was not taken', async () => {
      await pin({ allow: ['ping', 'ask'] })
      says(
        await kithOf(anna, 'ask', 'bert', 'remember the milk'),
        '… refused (denied, rule: preset, …)',
      )
    })

    it('G12: it has more asks than it takes at once', async () => {
      await pin({ allow: ['ping', 'ask'], ask: { parallel: 1, queue: 0 } })
      const first = kithOf(anna, 'ask', 'bert', 'count 5')
      await eventually(() => {
        assert.equal(bert?.node.answerer.counts.running, 1)
      })
      says(await kithOf(anna, 'ask', 'bert', 'help'), '… has too much to do (busy, …)')
      assert.equal((await first).code, 0)
    })

    it('G12: an ask has ended when it is cancelled', async () => {
      await pin({ allow: ['ping', 'ask'] })
      await kithOf(anna, 'ask', 'bert', 'help')
      const { out } = await kithOf(anna, 'asks', 'list', '--json')
      const [, ask = ''] = /"ask":"([^"]+)"/.exec(out) ?? []
      says(await kithOf(anna, 'asks', 'cancel', ask), '… is done')
    })

    it('G12: it runs twice, as after a restore beside the old machine', async () => {
      assert.ok(anna && bert)
      // A copy has started less often than what it is one of.
      await anna.restart()
      await pin({ allow: ['ping'] })
      const from = anna.node.home.path
      const copy = make('copy')
      const to = join(dirname(from), 'copy')
      await mkdir(to, { mode: 0o700 })
      for (const part of ['identity.json', 'keys', 'peers.yaml']) {
        await cp(join(from, part), join(to, part), { recursive: true })
      }
      await copy.start()
      await eventually(async () => {
        await kithOf(copy, 'ping', 'bert', '-c', '1')
        says(await kithOf(bert, 'alerts', 'list'), '… may run twice: …')
      })
    })

    it('G12: an ask is too large', async () => {
      await pin({ allow: ['ping', 'ask'] })
      says(
        await kithOf(anna, 'ask', 'bert', 'x'.repeat(1_200_000)),
        'text: is longer than 262144 characters',
      )
    })
  })

  describe('of the agent', () => {
    const make = checkedNodes()
    let anna: CheckedNode

    async function configured(agent: object): Promise<void> {
      anna = make('anna')
      const { home } = await anna.start()
      const config = { ...MODEL, agent: { ...MODEL.agent, mcp: [], ...agent } }
      await writeFile(home.config, JSON.stringify(config), { mode: 0o600 })
      await anna.restart()
    }

    it('G12: the budget of the day is spent', async () => {
      await configured({ budget: { daily_tokens: 1 } })
      says(await anna.kith('ask', 'self', 'hi'), '… has spent its budget (budget-exhausted, …)')
    })

    it('G12: the provider of the model is down', async () => {
      await configured({})
      await anna.kith('ask', 'self', 'hi')
      await anna.kith('ask', 'self', 'hi')
      says(
        await anna.kith('ask', 'self', 'hi'),
        '… has failed too often, and is left alone for a while (breaker-open, …)',
      )
      says(await anna.kith('doctor'), '… has failed, and is left alone until …')
    })

    it('G12: the key of a provider is not there', async () => {
      const key = 'file:/nowhere/key'
      const provider = { name: 'lab', kind: 'openai', key }
      const failure = await configured({ providers: [provider] }).catch((err: unknown) =>
        String(err),
      )
      says({ out: failure ?? '', err: '' }, 'agent.providers.lab.key: there is no file …')
    })
  })

  describe('of jobs', () => {
    const make = checkedNodes()
    let anna: CheckedNode

    beforeEach(async () => {
      anna = make('anna')
      await anna.start()
    })

    async function job(...args: string[]): Promise<void> {
      const end = await anna.kith('jobs', 'add', ...args)
      assert.equal(end.code, 0, end.err)
    }

    it('G12: one is off', async () => {
      await job('hello', '--daily', '07:30', '--ask', 'self', 'time')
      says(await anna.kith('jobs', 'list'), '… disabled …')
    })

    it('G12: its program fails, and it is paused after so many times', async () => {
      await job(
        'bad',
        '--manual',
        '--enable',
        '--attempts',
        '1',
        '--pause-after',
        '2',
        '--command',
        '--',
        'false',
      )
      says(
        await anna.kith('jobs', 'run', 'bad', '--wait'),
        'program-failed: … ended with exit code …',
      )
      await anna.kith('jobs', 'run', 'bad', '--wait')
      says(await anna.kith('doctor'), '… is paused: …')
    })

    it('G12: one does not end', async () => {
      await job('long', '--manual', '--enable', '--command', '--', 'sleep', '60')
      await anna.kith('jobs', 'run', 'long')
      says(await anna.kith('jobs', 'run', 'long'), '… has not ended: …')
    })

    it('G12: backups have nowhere to go', async () => {
      await job('nightly', '--manual', '--enable', '--backup')
      says(
        await anna.kith('jobs', 'run', 'nightly', '--wait'),
        'a job makes no backup without backup.to …',
      )
    })
  })

  describe('of HTTP', () => {
    const make = checkedNodes()

    it('G12: a token is wrong, a name is not ours, an address is open to others', async () => {
      const anna = make('anna')
      const node = await anna.start({ flags: { 'http.listen': '127.0.0.1:0' } })
      const http = new HttpNode(node)
      await http.start()
      const bodyOf = async (path: string, headers = {}): Promise<CommandEnd> => {
        const out = await (await fetch(`${http.url}${path}`, { headers })).text()
        return { code: 0, out, err: '' }
      }
      says(await bodyOf('/metrics'), 'a token is needed')
      const { authorization } = await http.token('tasks')
      says(await bodyOf('/metrics', { authorization }), 'this needs a token of scope …')
      says(
        await bodyOf('/health', { origin: 'http://evil.example' }),
        'Origin: no page but our own may call this node',
      )
      await http.stop()
      const open = make('open')
      const exposed = await open.start({ flags: { 'http.listen': '0.0.0.0:0' } })
      const listener = new HttpNode(exposed)
      await listener.start().catch(() => undefined)
      says(await open.kith('health'), 'others could reach …, which is not served so')
      await listener.stop()
    })
  })
})
