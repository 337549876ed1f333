import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig } from '../../src/node/config.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const DEFAULTS = {
  version: 1,
  listen: ['/ip4/0.0.0.0/tcp/7423', '/ip6/::/tcp/7423'],
  announce: [],
  log: { level: 'info' },
  agent: {
    engine: 'builtin',
    parallel: 4,
    queue: 64,
    providers: [],
    model: {
      use: [],
      max_output_tokens: 4_096,
      max_steps: 24,
      max_tool_calls: 64,
      context_tokens: 64_000,
      first_byte_seconds: 60,
      idle_seconds: 60,
    },
    prices: [],
    command: { run: [], needs: 'full', env: [] },
    acp: { run: [], needs: 'full', env: [], mesh: false },
    budget: {},
    presets: {},
    tools: { deny: [] },
    shell: { sandbox: 'required', env: [], timeout_seconds: 60 },
    fetch: { private_hosts: [] },
    approvals: { timeout_seconds: 3_600 },
    mcp: [],
  },
  scheduler: {
    engine: 'local',
    workers: 4,
    nats: { servers: [], prefix: 'kith', replicas: 1, tls: {} },
  },
  backup: {
    recipients: [],
    keep: { daily: 7, weekly: 4, monthly: 6 },
    warn: { backup_days: 7, verify_days: 31, drill_days: 31 },
  },
  fleet: { interval_seconds: 60, soak_hours: 24, self_audit: true },
  alerts: {},
  audit: { osv_url: 'https://api.osv.dev' },
  http: { allow_non_loopback: false, allowed_hosts: [] },
  lobby: { mode: 'auto', per_minute: 10, per_address_per_minute: 1 },
  stop: { drain_seconds: 10 },
}

describe('config', () => {
  const folder = tempFolder()

  function path(): string {
    return join(folder(), 'config.yaml')
  }

  async function write(...lines: string[]): Promise<void> {
    await writeFile(path(), `${lines.join('\n')}\n`, { mode: 0o600 })
  }

  for (const [name, text] of [
    ['there is no file', undefined],
    ['the file is empty', ''],
    ['the file has white space', '\n  \n'],
    ['the file has nothing but comments', '# all as it was\n\n  # and so on\n'],
    ['the file has a version and no more', 'version: 1\n'],
  ] as const) {
    it(`is its defaults when ${name}`, async () => {
      if (text !== undefined) await writeFile(path(), text, { mode: 0o600 })
      assert.deepEqual(await readConfig(path(), { PATH: '/bin' }), DEFAULTS)
    })
  }

  it('takes each layer over the one before: defaults, file, environment, flags', async () => {
    const key = 'agent.parallel'
    const parallel = async (env: NodeJS.ProcessEnv, flags: Record<string, unknown>) =>
      (await readConfig(path(), env, flags)).agent.parallel
    const env = { KITH_AGENT_PARALLEL: '6' }
    assert.equal(await parallel({}, {}), 4)
    assert.equal(await parallel(env, {}), 6)
    assert.equal(await parallel({}, { [key]: 7 }), 7)
    await write('agent:', '  parallel: 5')
    assert.equal(await parallel({}, {}), 5)
    assert.equal(await parallel(env, {}), 6)
    assert.equal(await parallel({}, { [key]: 7 }), 7)
    assert.equal(await parallel(env, { [key]: 7 }), 7)
    assert.equal(await parallel(env, { [key]: undefined }), 6)
  })

  it('keeps what a layer does not speak of, in the same group too', async () => {
    await write('name: nas', 'agent:', '  parallel: 5', '  queue: 9')
    const config = await readConfig(path(), { KITH_AGENT_QUEUE: '8' }, { 'log.level': 'debug' })
    assert.deepEqual(config, {
      ...DEFAULTS,
      name: 'nas',
      agent: { ...DEFAULTS.agent, parallel: 5, queue: 8 },
      log: { level: 'debug' },
    })
  })

  const fromEnv: [name: string, value: string, group: string, key: string, read: unknown][] = [
    ['KITH_AGENT_QUEUE', '3', 'agent', 'queue', 3],
    ['KITH_AGENT_ENGINE', 'builtin', 'agent', 'engine', 'builtin'],
    ['KITH_LOG_LEVEL', 'warn', 'log', 'level', 'warn'],
    ['KITH_LOBBY_MODE', 'off', 'lobby', 'mode', 'off'],
    ['KITH_LOBBY_PER_MINUTE', '3', 'lobby', 'per_minute', 3],
    ['KITH_LOBBY_PER_ADDRESS_PER_MINUTE', '2', 'lobby', 'per_address_per_minute', 2],
    ['KITH_STOP_DRAIN_SECONDS', '1.5', 'stop', 'drain_seconds', 1.5],
  ]
  for (const [name, value, group, key, read] of fromEnv) {
    it(`has ${group}.${key} from ${name}`, async () => {
      const config: Record<string, unknown> = await readConfig(path(), { [name]: value })
      assert.deepEqual((config[group] as Record<string, unknown>)[key], read)
    })
  }

  it('has lists and names from the environment too', async () => {
    const env = { KITH_LISTEN: '/ip4/1.2.3.4/tcp/1,/unix/%2Fa', KITH_NAME: 'nas' }
    const { listen, name } = await readConfig(path(), env)
    assert.deepEqual([listen, name], [['/ip4/1.2.3.4/tcp/1', '/unix/%2Fa'], 'nas'])
  })

  it('minds no variable of others, and none that is another thing of ours', async () => {
    const own = { KITH_HOME: '/x', KITH_PROFILE: 'y', KITH_PASSPHRASE_FILE: '/z' }
    const ofJob = { KITH_JOB: 'digest', KITH_RUN: 'r', KITH_ATTEMPT: '1' }
    const ofItem = { KITH_ITEM: 'i', KITH_ITEM_NAME: 'n' }
    const ofAsk = { KITH_PROGRAM: '1', KITH_ASK_ID: 'a', KITH_ASKER: 'b', KITH_SESSION: 's' }
    const env = { KITHKIN: '1', ...own, ...ofAsk, ...ofJob, ...ofItem }
    assert.deepEqual(await readConfig(path(), env), DEFAULTS)
  })

  const unknown: [name: string, hint: string][] = [
    ['KITH_AGENT_PARALEL', 'did you mean KITH_AGENT_PARALLEL?'],
    ['KITH_LOGLEVEL', 'did you mean KITH_LOG_LEVEL?'],
    ['KITH_HOM', 'did you mean KITH_HOME?'],
    ['KITH_COLOUR_SCHEME', 'unset KITH_COLOUR_SCHEME'],
    ['KITH_', 'unset KITH_'],
  ]
  for (const [name, hint] of unknown) {
    it(`refuses ${name}, and says: ${hint}`, async () => {
      const expected = { code: 'usage', details: { what: name }, hint }
      await assert.rejects(readConfig(path(), { [name]: '1' }), expected)
    })
  }

  const badFiles: [name: string, lines: string[], line: number, column: number, says: RegExp][] = [
    ['an unknown key', ['name: nas', 'lsiten: []'], 2, 1, /did you mean listen\?/],
    ['an unknown key in a group', ['agent:', '  paralell: 3'], 2, 3, /did you mean parallel\?/],
    ['a key twice', ['name: a', 'name: b'], 2, 1, /there twice/],
    ['a version of later', ['version: 2'], 1, 10, /version/],
    ['no number', ['agent:', '  parallel: many'], 2, 13, /agent\.parallel/],
    ['a truth for a number', ['agent:', '  parallel: true'], 2, 13, /agent\.parallel/],
    ['nothing for a number', ['agent:', '  queue:'], 2, 9, /agent\.queue/],
    ['a list for a number', ['agent:', '  queue: [5]'], 2, 10, /agent\.queue/],
    ['a fraction', ['agent:', '  parallel: 1.5'], 2, 13, /agent\.parallel/],
    ['zero', ['lobby:', '  per_minute: 0'], 2, 15, /lobby\.per_minute/],
    ['a negative time', ['stop:', '  drain_seconds: -1'], 2, 18, /stop\.drain_seconds/],
    ['an endless time', ['stop:', '  drain_seconds: .inf'], 2, 18, /stop\.drain_seconds/],
    ['another level', ['log:', '  level: loud'], 2, 10, /log\.level/],
    ['a text for a group', ['log: info'], 1, 6, /log/],
    ['a name that is none', ['name: My NAS'], 1, 7, /name/],
    ['a list', ['- name: nas'], 1, 1, /./],
    ['no YAML', ['name: [nas'], 2, 1, /./],
    ['an alias', ['name: &a nas', 'listen: [*a]'], 1, 10, /anchors/],
  ]
  for (const [name, lines, line, column, says] of badFiles) {
    it(`refuses a file with ${name}, and shows where`, async () => {
      await write(...lines)
      const err = await readConfig(path(), {}).catch((caught: unknown) => caught)
      assert.ok(isFailure(err, 'invalid-file'), String(err))
      assert.deepEqual(err.details, { path: path(), line, column })
      assert.match(err.message, says)
      assert.ok(err.message.startsWith(`${path()}:${line}:${column}: `))
    })
  }

  it('shows a fault of the file as such, whatever the other layers say', async () => {
    await write('agent:', '  parallel: 0')
    const env = { KITH_AGENT_PARALLEL: '5' }
    await assert.rejects(readConfig(path(), env), { code: 'invalid-file' })
  })

  const unfit: [
    name: string,
    env: NodeJS.ProcessEnv,
    flags: Record<string, unknown>,
    key: string,
  ][] = [
    ['no number', { KITH_AGENT_PARALLEL: 'many' }, {}, 'agent.parallel'],
    ['an empty number', { KITH_AGENT_PARALLEL: '' }, {}, 'agent.parallel'],
    ['an empty time', { KITH_STOP_DRAIN_SECONDS: '' }, {}, 'stop.drain_seconds'],
    ['zero', {}, { 'agent.queue': 0 }, 'agent.queue'],
    ['another level', {}, { 'log.level': 'loud' }, 'log.level'],
    ['another mode', { KITH_LOBBY_MODE: 'on' }, {}, 'lobby.mode'],
    ['a name that is none', { KITH_NAME: 'My NAS' }, {}, 'name'],
  ]
  for (const [name, env, flags, key] of unfit) {
    it(`refuses ${name} in the environment or a flag, and names ${key}`, async () => {
      await assert.rejects(readConfig(path(), env, flags), (err) => {
        assert.ok(isFailure(err, 'usage'), String(err))
        assert.equal(err.details.what, key)
        assert.ok(err.message.startsWith(`${key}: `))
        return true
      })
    })
  }

  it('refuses a file that others can write', async () => {
    await write('name: nas')
    await chmod(path(), 0o622)
    await assert.rejects(readConfig(path(), {}), { code: 'unsafe-file' })
  })
})
