import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { passphraseFor, readPassphraseLines } from '../../../src/node/daemon/passphrases.ts'
import {
  describeProfiles,
  planProfile,
  removeProfile,
} from '../../../src/node/daemon/profile-edits.ts'
import { profilesOf } from '../../../src/node/daemon/profiles.ts'
import { supervisorCommand, typedCommand } from '../../../src/node/daemon/supervised-daemon.ts'
import { supervisorOf } from '../../../src/node/daemon/supervisor-of.ts'
import { homeOf } from '../../../src/node/home.ts'
import { initNode } from '../../../src/node/offline.ts'
import { processMark } from '../../../src/node/supervisor/process-identity.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('profiles', () => {
  const folder = tempFolder()
  let env: NodeJS.ProcessEnv

  beforeEach(() => {
    env = { KITH_HOME: folder() }
  })

  async function make(name?: string, listen = ['/ip4/127.0.0.1/tcp/0']): Promise<void> {
    await initNode(homeOf(env, name), { protection: { clear: true }, listen })
  }

  it('are those with an identity, the default one first', async () => {
    assert.deepEqual(await profilesOf(env), [])
    await make('work')
    await make('art')
    await mkdir(join(folder(), 'profiles/empty'))
    await writeFile(join(folder(), 'profiles/file'), '')
    assert.deepEqual(names(await profilesOf(env)), ['art', 'work'])
    await make()
    assert.deepEqual(names(await profilesOf(env)), ['default', 'art', 'work'])
  })

  it('are told of though one cannot be read', async () => {
    await make('work')
    await writeFile(join(folder(), 'profiles/work/config.yaml'), 'listn: []', { mode: 0o600 })
    const [{ problem = '' } = {}] = await describeProfiles(env)
    assert.match(problem, /did you mean listen\?/)
  })

  it('get a port that no other one has', async () => {
    await make(undefined, ['/ip4/0.0.0.0/tcp/7430'])
    const first = await planProfile(env, 'work')
    assert.deepEqual(first.listen, ['/ip4/0.0.0.0/tcp/7431', '/ip6/::/tcp/7431'])
    await make('work', first.listen)
    assert.deepEqual((await planProfile(env, 'art')).listen[0], '/ip4/0.0.0.0/tcp/7432')
    await assert.rejects(planProfile(env, 'work'), { code: 'exists' })
  })

  for (const name of ['default', '-x', 'A', 'a/b', '..', '']) {
    it(`are not called ${JSON.stringify(name)}`, async () => {
      await assert.rejects(planProfile(env, name), { code: 'usage' })
    })
  }

  it('are moved away when they are removed, and can be moved back', async () => {
    await make('work')
    const now = Date.UTC(2026, 10, 21, 9)
    const to = await removeProfile(env, 'work', now)
    assert.equal(to, join(folder(), 'removed-profiles/work-2026-11-21T090000'))
    assert.ok(existsSync(join(to, 'identity.json')))
    assert.deepEqual(await profilesOf(env), [])
    await make('work')
    assert.equal(await removeProfile(env, 'work', now), `${to}-again`)
    await assert.rejects(removeProfile(env, 'work', now), { code: 'usage' })
    await assert.rejects(removeProfile(env, 'default', now), { code: 'usage' })
  })
})

describe('passphrases for the daemon', () => {
  const folder = tempFolder()

  it('are lines by profile', () => {
    const text = 'default: four words: of it\r\nwork: x\n\n'
    const found = [...readPassphraseLines(text)]
    assert.deepEqual(found, [
      ['default', 'four words: of it'],
      ['work', 'x'],
    ])
  })

  for (const text of ['just a passphrase', 'work:', 'work: ', ': x', 'Work: x']) {
    it(`are not ${JSON.stringify(text)}, which is not repeated`, () => {
      assert.throws(
        () => readPassphraseLines(text),
        (err: Error) => {
          assert.equal(err.message, 'line 1 of the passphrases is not PROFILE: PASSPHRASE')
          return true
        },
      )
    })
  }

  it('are found as credentials of the service, each profile its own', async () => {
    const env = { CREDENTIALS_DIRECTORY: folder() }
    await writeFile(join(folder(), 'kith-passphrase'), 'base\n')
    await writeFile(join(folder(), 'kith-passphrase-work'), 'work\n')
    assert.equal(await passphraseFor(env, 'default'), 'base')
    assert.equal(await passphraseFor(env, 'work'), 'work')
    assert.equal(await passphraseFor(env, 'art'), undefined)
    await writeFile(join(folder(), 'kith-passphrase-art'), '')
    await assert.rejects(passphraseFor(env, 'art'), { code: 'usage' })
  })

  it('of the default profile alone is in the file of KITH_PASSPHRASE_FILE', async () => {
    const env = { KITH_PASSPHRASE_FILE: join(folder(), 'p') }
    await assert.rejects(passphraseFor(env, 'default'), { code: 'usage' })
    await writeFile(join(folder(), 'p'), 'base\n')
    assert.equal(await passphraseFor(env, 'default'), 'base')
    assert.equal(await passphraseFor(env, 'work'), undefined)
  })
})

describe('who supervises the daemon', () => {
  const process_ = { pid: 7, ppid: 1, cgroup: '' }
  const user = '0::/user.slice/user-1000.slice/user@1000.service/app.slice/kith.service\n'

  for (const [what, env, more, expected] of [
    ['a shell', { INVOCATION_ID: 'x' }, {}, { supervisor: 'none' }],
    ['a shell of a service', { SYSTEMD_EXEC_PID: '3' }, {}, { supervisor: 'none' }],
    [
      'systemd of the machine',
      { SYSTEMD_EXEC_PID: '7' },
      { cgroup: '0::/system.slice/kith.service\n' },
      { supervisor: 'systemd', unit: 'kith.service' },
    ],
    [
      'systemd of a user',
      { SYSTEMD_EXEC_PID: '7' },
      { cgroup: user },
      { supervisor: 'systemd-user', unit: 'kith.service' },
    ],
    [
      'launchd',
      { XPC_SERVICE_NAME: 'net.kith.daemon' },
      {},
      { supervisor: 'launchd', unit: 'net.kith.daemon' },
    ],
    ['a terminal of macOS', { XPC_SERVICE_NAME: '0' }, {}, { supervisor: 'none' }],
  ] as const) {
    it(`F57: is known of one that ${what} has started`, () => {
      assert.deepEqual(supervisorOf(env, { ...process_, ...more }), expected)
    })
  }

  it('F57: is told to stop it, so that it stays stopped', () => {
    const unit = 'kith.service'
    assert.deepEqual(supervisorCommand({ supervisor: 'systemd-user', unit }, 'stop'), [
      ...['systemctl', '--user', 'stop', 'kith.service'],
    ])
    assert.equal(supervisorCommand({ supervisor: 'none' }, 'stop'), undefined)
  })

  for (const [supervisor, typed] of [
    ['systemd', 'sudo systemctl restart kith.service'],
    ['systemd-user', 'systemctl --user restart kith.service'],
    ['launchd', `launchctl kickstart -k gui/${process.getuid?.() ?? 0}/kith.service`],
  ] as const) {
    it(`F57: is told to restart it by a person: ${typed}`, () => {
      assert.equal(typedCommand(supervisorCommand({ supervisor }, 'restart') ?? []), typed)
    })
  }

  it('F56: knows a process by when it began', () => {
    assert.equal(processMark(process.pid), processMark(process.pid))
    assert.notEqual(processMark(process.pid), processMark(1))
    assert.equal(processMark(2 ** 22 + 1), undefined)
  })
})

function names(profiles: readonly { name: string }[]): string[] {
  return profiles.map(({ name }) => name)
}
