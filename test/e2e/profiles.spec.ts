import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { daemonHome } from '../helpers/daemon-home.ts'
import type { DaemonHome } from '../helpers/daemon-home.ts'
import { eventually } from '../helpers/eventually.ts'

describe('profiles, settings and the service by command', () => {
  const all = daemonHome()
  let home: DaemonHome

  beforeEach(() => {
    home = all()
  })

  async function json(...args: string[]): Promise<unknown> {
    const { code, err, out } = await home.kith([...args, '--json'])
    assert.equal(code, 0, err)
    return JSON.parse(out)
  }

  it('G03: a profile is made, taken up by the daemon, and removed only when it does not run', async () => {
    await home.make()
    await home.kith(['daemon', 'start'])
    await json('profile', 'create', 'work', '--clear')
    await home.kith(['config', 'set', 'listen', '[/ip4/127.0.0.1/tcp/0]'], {
      env: { KITH_PROFILE: 'work' },
    })
    await json('daemon', 'reload')
    const list = (await json('profile', 'list')) as { name: string; running: boolean }[]
    assert.deepEqual(
      list.map(({ name, running }) => [name, running]),
      [
        ['default', true],
        ['work', true],
      ],
    )
    const refused = await home.kith(['profile', 'remove', 'work'])
    assert.equal(refused.code, 1)
    assert.match(refused.err, /work is running\ntry: kith -p work stop/)
    await json('-p', 'work', 'stop')
    const { movedTo } = (await json('profile', 'remove', 'work')) as { movedTo: string }
    assert.ok(existsSync(join(movedTo, 'identity.json')))
    await json('daemon', 'reload')
    assert.deepEqual(((await json('profile', 'list')) as unknown[]).length, 1)
  })

  it('a profile that does not run is told as off', async () => {
    await home.make('work')
    assert.match((await home.kith(['profile', 'show', 'work'])).out, /^state\s+off$/m)
  })

  it('F61: a setting shows where it is from, and what a slip meant', async () => {
    await home.make()
    await json('config', 'set', 'log.level', 'debug')
    assert.deepEqual(await json('config', 'get', 'log.level'), [
      { key: 'log.level', value: 'debug', source: 'file', reload: 'hot' },
    ])
    const env = { KITH_LOG_LEVEL: 'warn' }
    assert.match(
      (await home.kith(['config', 'get', 'log'], { env })).out,
      /warn +KITH_LOG_LEVEL +hot/,
    )
    const slip = await home.kith(['config', 'set', 'log.levl', 'debug'])
    assert.equal(slip.code, 2)
    assert.match(slip.err, /try: did you mean log\.level\?/)
    const typo = { KITH_LOG_LEVEl: 'x' }
    const start = await home.kith(['start'], { env: typo })
    assert.equal(start.code, 2)
    assert.match(start.err, /did you mean KITH_LOG_LEVEL\?/)
    await json('config', 'unset', 'log.level')
    assert.doesNotMatch(await readFile(home.home().config, 'utf8'), /level/)
  })

  it('F61: a node that runs tells its flags, and what waits for its restart', async () => {
    await home.make()
    const node = home.kith(['start', '--log-level', 'warn'])
    await eventually(() => home.client().call('status', {}))
    assert.match((await home.kith(['config', 'get', 'log'])).out, /log\.level +warn +flag +hot/)
    await json('config', 'set', 'agent.queue', '9')
    await eventually(async () => {
      const { out } = await home.kith(['config', 'get', 'agent.queue'])
      assert.match(out, /agent\.queue +9 +file +restart, 64 until then/)
    })
    await json('stop')
    assert.equal((await node).code, 0)
  })

  it('F57, G04: a unit is printed of this very install, written, and taken away', async () => {
    await home.make()
    const bin = join(home.base, '..', 'bin')
    await mkdir(bin)
    for (const program of ['systemctl', 'loginctl']) {
      const script = `#!/bin/sh\necho "${program} $*" >> ${bin}/called\n`
      await writeFile(join(bin, program), script, { mode: 0o755 })
    }
    const env = {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      XDG_CONFIG_HOME: join(bin, 'config'),
    }
    const { out } = await home.kith(['service', 'print', '--user'])
    const [, node = '', script = ''] = /^ExecStart=(\S+) (\S+) --home/m.exec(out) ?? []
    assert.ok(existsSync(node) && existsSync(script))
    const installed = await home.kith(['service', 'install', '--user'], { env })
    assert.equal(installed.code, 0, installed.err)
    const path = join(bin, 'config/systemd/user/kith.service')
    assert.equal(await readFile(path, 'utf8'), out)
    assert.equal((await home.kith(['service', 'uninstall', '--user'], { env })).code, 0)
    assert.equal(existsSync(path), false)
    assert.deepEqual((await readFile(join(bin, 'called'), 'utf8')).trim().split('\n'), [
      'systemctl --user daemon-reload',
      'systemctl --user enable --now kith.service',
      'loginctl enable-linger',
      'systemctl --user disable --now kith.service',
      'systemctl --user daemon-reload',
    ])
  })
})
