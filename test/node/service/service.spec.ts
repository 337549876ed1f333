import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  installService,
  serviceStanding,
  uninstallService,
  unitText,
} from '../../../src/node/service/service.ts'
import type { ServiceInit } from '../../../src/node/service/service.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('the service', () => {
  const folder = tempFolder()
  let path: string | undefined

  beforeEach(async () => {
    // Programs of the service manager that note what they are called with, where the real ones would be found.
    await mkdir(join(folder(), 'bin'))
    for (const program of ['systemctl', 'loginctl', 'launchctl']) await stub(program, 'exit 0')
    path = process.env['PATH']
    process.env['PATH'] = `${join(folder(), 'bin')}:${path ?? ''}`
  })

  afterEach(() => {
    process.env['PATH'] = path
  })

  async function stub(program: string, then: string): Promise<void> {
    const script = `#!/bin/sh\necho "${program} $*" >> ${join(folder(), 'called')}\n${then}\n`
    await writeFile(join(folder(), 'bin', program), script, { mode: 0o755 })
  }

  async function called(): Promise<string[]> {
    return (await readFile(join(folder(), 'called'), 'utf8')).trim().split('\n')
  }

  function init(kind: ServiceInit['kind']): ServiceInit {
    return {
      kind,
      env: { HOME: folder(), XDG_CONFIG_HOME: join(folder(), 'config'), KITH_HOME: folder() },
      program: [process.execPath, '/opt/kith/bin/kith.js'],
      credentials: new Map(),
      root: join(folder(), 'root'),
    }
  }

  for (const [kind, unit, commands] of [
    [
      'user',
      'config/systemd/user/kith.service',
      [
        'systemctl --user daemon-reload',
        'systemctl --user enable --now kith.service',
        'loginctl enable-linger',
      ],
    ],
    [
      'system',
      'root/etc/systemd/system/kith.service',
      ['systemctl daemon-reload', 'systemctl enable --now kith.service'],
    ],
    [
      'launchd',
      'Library/LaunchAgents/net.kith.daemon.plist',
      [`launchctl bootstrap gui/${process.getuid?.() ?? 0} UNIT`],
    ],
  ] as const) {
    it(`F57: of ${kind} is written where its manager looks, and started for good`, async () => {
      const report = await installService(init(kind))
      assert.equal(report.path, join(folder(), unit))
      assert.equal(await readFile(report.path, 'utf8'), unitText(init(kind)))
      const expected = commands.map((command) => command.replace('UNIT', report.path))
      assert.deepEqual(await called(), expected)
      assert.deepEqual([report.ran, report.failed], [expected, []])
    })

    it(`of ${kind} is not made of a path that would be more than one line of it`, () => {
      const env = { ...init(kind).env, KITH_HOME: '/home/a\nExecStartPre=/bin/false' }
      assert.throws(() => unitText({ ...init(kind), env }), { code: 'usage' })
    })

    it(`F57: of ${kind} is stopped and gone after its removal`, async () => {
      const { path: written } = await installService(init(kind))
      await uninstallService(init(kind))
      assert.equal(existsSync(written), false)
      const [first = ''] = (await called()).slice(commands.length)
      assert.match(first, /disable --now kith\.service$|bootout gui/)
      await assert.rejects(uninstallService(init(kind)), { code: 'usage' })
    })
  }

  it('says which command a person has to type when the manager refuses it', async () => {
    await stub('loginctl', 'echo "Access denied" >&2; exit 1')
    const { failed, ran } = await installService(init('user'))
    assert.deepEqual(failed, [{ command: 'loginctl enable-linger', why: 'Access denied' }])
    assert.equal(ran.length, 2)
  })

  it('F57: tells whether it is enabled', async () => {
    const { env, root } = init('user')
    assert.equal(await serviceStanding(env, root), undefined)
    await installService(init('user'))
    await stub('systemctl', 'echo disabled; exit 1')
    assert.equal((await serviceStanding(env, root))?.enabled, false)
    await stub('systemctl', 'echo enabled')
    assert.equal((await serviceStanding(env, root))?.enabled, true)
  })

  it('is none of another home', async () => {
    await installService(init('user'))
    const { env, root } = init('user')
    assert.equal(await serviceStanding({ ...env, KITH_HOME: '/somewhere/else' }, root), undefined)
  })
})
