import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { pino } from 'pino'
import { readConfig } from '../../src/node/config.ts'
import { ConfigWatch } from '../../src/node/config-watch.ts'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { below, editSetting, listSettings } from '../../src/node/settings.ts'
import { eventually } from '../helpers/eventually.ts'
import { LogTap } from '../helpers/log-tap.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const ENV = { KITH_AGENT_PARALLEL: '6' }

describe('settings', () => {
  const folder = tempFolder()
  let home: Home

  beforeEach(() => {
    home = homeOf({ KITH_HOME: folder() }, undefined)
  })

  async function write(text: string): Promise<void> {
    await writeFile(home.config, text, { mode: 0o600 })
  }

  it('F61: are of the highest layer that has them: default, file, environment, flag', async () => {
    const key = 'agent.parallel'
    const value = async (env: object, flags: object): Promise<unknown> =>
      (await readConfig(home.config, env as NodeJS.ProcessEnv, flags as Record<string, unknown>))
        .agent.parallel
    assert.equal(await value({}, {}), 4)
    await write('agent: { parallel: 5 }\n')
    assert.equal(await value({}, {}), 5)
    assert.equal(await value(ENV, {}), 6)
    assert.equal(await value(ENV, { [key]: 7 }), 7)
  })

  it('F61: say which layer each is of', async () => {
    await write('agent: { parallel: 5, queue: 9 }\n')
    const all = await listSettings(home, ENV)
    const of = (key: string): unknown => all.find((setting) => setting.key === key)
    assert.deepEqual(of('agent.parallel'), {
      ...{ key: 'agent.parallel', value: 6, source: 'env', reload: 'restart' },
      name: 'KITH_AGENT_PARALLEL',
    })
    const queue = { key: 'agent.queue', value: 9, source: 'file', reload: 'restart' }
    assert.deepEqual(of('agent.queue'), queue)
    const level = { key: 'log.level', value: 'info', source: 'default', reload: 'hot' }
    assert.deepEqual(of('log.level'), level)
    const told = await listSettings(home, ENV, { 'log.level': 'debug' })
    const [shown] = below(told, 'log')
    assert.deepEqual(shown, { ...level, value: 'debug', source: 'flag' })
  })

  for (const [where, attempt, near] of [
    ['the file', async () => (await write('agnt: {}\n'), await list({})), /did you mean agent\?/],
    ['the environment', async () => await list({ KITH_LOG_LEVL: 'x' }), /KITH_LOG_LEVEL/],
    ['a flag', async () => await readConfig(home.config, {}, { 'log.levl': 'x' }), /log\.level/],
    ['a command', async () => below(await listSettings(home, {}), 'log.levl'), /log\.level/],
  ] as const) {
    it(`F61: name the one that was meant by a slip in ${where}`, async () => {
      await assert.rejects(attempt(), (err: Error & { hint?: string }) => {
        assert.match(`${err.message} ${err.hint ?? ''}`, near)
        return true
      })
    })
  }

  async function list(env: NodeJS.ProcessEnv): Promise<unknown> {
    return await listSettings(home, env)
  }

  it('are edited in the file, whose comments stay', async () => {
    await write('# mine\nlog:\n  level: info # loud enough\n')
    assert.equal((await editSetting(home, {}, 'log.level', 'debug')).value, 'debug')
    assert.match(
      await readFile(home.config, 'utf8'),
      /^# mine\nlog:\n {2}level: debug # loud enough/,
    )
    await editSetting(home, {}, 'listen', '[/ip4/127.0.0.1/tcp/1]')
    const { source } = await editSetting(home, {}, 'log.level', undefined)
    assert.equal(source, 'default')
    const { listen } = await readConfig(home.config, {})
    assert.deepEqual(listen, ['/ip4/127.0.0.1/tcp/1'])
  })

  it('stay as they were when an edit is unfit', async () => {
    await write('agent: { parallel: 5 }\n')
    await assert.rejects(editSetting(home, {}, 'agent.parallel', 'many'), { code: 'usage' })
    assert.equal(await readFile(home.config, 'utf8'), 'agent: { parallel: 5 }\n')
  })

  describe('of a node that runs', () => {
    let log: LogTap
    let watch: ConfigWatch
    let config: Awaited<ReturnType<typeof readConfig>>

    beforeEach(async () => {
      await write('agent: { parallel: 5 }\n')
      log = new LogTap()
      config = await readConfig(home.config, ENV)
      const logger = pino({ base: null }, log)
      watch = new ConfigWatch({ path: home.config, env: ENV, flags: {}, config, log: logger })
      await watch.start()
    })

    afterEach(() => watch.stop())

    it('F61: are taken while it runs if they are hot', async () => {
      const { backup } = config
      await write('log: { level: debug }\nbackup: { warn: { backup_days: 2 } }\n')
      await log.line(({ msg }) => msg === 'settings in force')
      assert.equal(config.log.level, 'debug')
      // Whoever holds the section sees it too.
      assert.equal(backup.warn.backup_days, 2)
      assert.deepEqual(watch.pending, [])
    })

    it('F61: wait for a restart if they are not, until the file takes them back', async () => {
      await write('agent: { parallel: 5, queue: 9 }\n')
      await log.line(({ msg }) => msg === 'settings wait for a restart')
      assert.deepEqual(watch.pending, ['agent.queue'])
      assert.equal(config.agent.queue, 64)
      const [queue] = below(await watch.list(), 'agent.queue')
      assert.deepEqual([queue?.value, queue?.source, queue?.inForce], [9, 'file', 64])
      await write('agent: { parallel: 5 }\n')
      await eventually(() => {
        assert.deepEqual(watch.pending, [])
      })
      assert.ok((await watch.list()).every((setting) => !('inForce' in setting)))
    })

    it('F61: are not said to wait where the environment is over the file', async () => {
      await write('agent: { parallel: 8 }\nlog: { level: warn }\n')
      await eventually(() => {
        assert.equal(config.log.level, 'warn')
      })
      assert.deepEqual(watch.pending, [])
    })

    it('F61: stay as they were, loudly, while the file cannot be taken', async () => {
      await write('log: { level: loud }\n')
      const { level } = await log.line(({ msg }) => msg.startsWith('config file not taken'))
      assert.equal(level, 50)
      assert.match(watch.problem?.message ?? '', /config\.yaml:1:\d+: log\.level/)
      assert.equal(config.log.level, 'info')
      await write('log: { level: error }\n')
      await eventually(() => {
        assert.equal(watch.problem, undefined)
      })
    })
  })

  it('are left as they are by taking out one that the file has not', async () => {
    await write('version: 1\n')
    const { source } = await editSetting(home, {}, 'log.level', undefined)
    assert.equal(source, 'default')
    assert.equal(await readFile(home.config, 'utf8'), 'version: 1\n')
  })
})
