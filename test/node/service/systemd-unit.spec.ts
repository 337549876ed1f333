import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemdUnit } from '../../../src/node/service/systemd-unit.ts'
import type { UnitInit } from '../../../src/node/service/systemd-unit.ts'
import { needsProgram } from '../../helpers/debian.ts'
import { program } from '../../helpers/programs.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

/** The least that a service may have of files and sockets. */
const MIN_OPEN_FILES = 8_192

/** `systemd-analyze security` counts to 10, and takes anything below this for well protected. */
const MAX_EXPOSURE = { system: 4, user: 9 }

describe('the unit for systemd', () => {
  const folder = tempFolder()

  function init(kind: UnitInit['kind'], more: Partial<UnitInit> = {}): UnitInit {
    const paths: UnitInit['program'] = [process.execPath, program('kith')]
    const user = kind === 'system' ? 'root' : undefined
    return { kind, program: paths, home: folder(), user, credentials: new Map(), ...more }
  }

  for (const kind of ['user', 'system'] as const) {
    it(`G04, F57: of a ${kind} names programs and a home that exist`, () => {
      const unit = parse(systemdUnit(init(kind)))
      const [node = '', script = '', , home = ''] = unit.get('ExecStart')?.split(' ') ?? []
      for (const path of [node, script, home]) {
        assert.ok(path.startsWith('/') && existsSync(path), path)
      }
      assert.ok(unit.get('ReadWritePaths') === home)
    })

    it(`G04: of a ${kind} allows 8192 open files or more, and is started again only when it fails`, () => {
      const unit = parse(systemdUnit(init(kind)))
      assert.ok(Number(unit.get('LimitNOFILE')) >= MIN_OPEN_FILES)
      assert.equal(unit.get('Restart'), 'on-failure')
      assert.equal(unit.get('NoNewPrivileges'), 'yes')
      assert.equal(unit.get('ProtectSystem'), 'strict')
    })
  }

  it('F57, G04: hands passphrases on as credentials, and has none in its arguments or environment', () => {
    const credentials = new Map([['work', '/etc/kith/work']])
    const text = systemdUnit(init('system', { credentials }))
    assert.match(text, /^LoadCredential=kith-passphrase-work:\/etc\/kith\/work$/m)
    assert.doesNotMatch(text, /^Environment/m)
    assert.doesNotMatch(parse(text).get('ExecStart') ?? '', /pass/)
  })

  for (const [home, written] of [
    ['/home/a b/.kith', '"/home/a b/.kith"'],
    ['/home/100%/.kith', '/home/100%%/.kith'],
    ['/home/a$b/.kith', '"/home/a$$b/.kith"'],
    ['/home/a"b/.kith', '"/home/a\\"b/.kith"'],
  ] as const) {
    it(`writes ${home} so that systemd reads it as it is`, () => {
      const unit = systemdUnit(init('user', { home }))
      assert.ok(unit.includes(`--home ${written} daemon`))
      // Where nothing is taken from the environment, `$` is itself.
      assert.ok(unit.includes(`\nReadWritePaths=${written.replace('$$', '$')}\n`))
    })
  }

  describe('read by systemd itself', () => {
    needsProgram('systemd-analyze', 'systemd')

    for (const kind of ['user', 'system'] as const) {
      const flag = kind === 'user' ? ['--user'] : []

      async function analyze(...args: string[]): Promise<{ status: number | null; text: string }> {
        const path = join(folder(), 'kith.service')
        await writeFile(path, systemdUnit(init(kind)))
        const env = { ...process.env, XDG_RUNTIME_DIR: folder() }
        const all = [...args, ...flag, path]
        const { status, stderr, stdout } = spawnSync('systemd-analyze', all, { env })
        return { status, text: `${stdout.toString()}${stderr.toString()}` }
      }

      it(`G04, F57: of a ${kind} passes \`systemd-analyze verify\` without a word`, async () => {
        const { status, text } = await analyze('verify', '--man=no')
        assert.deepEqual({ status, text }, { status: 0, text: '' })
      })

      it(`of a ${kind} is protected, as \`systemd-analyze security\` counts`, async () => {
        const { text } = await analyze('security', '--offline=true')
        const exposure = Number(/exposure level for kith\.service: ([\d.]+)/.exec(text)?.[1])
        assert.ok(exposure <= MAX_EXPOSURE[kind], `${exposure}`)
      })
    }
  })
})

/** Its settings by name; of one that is there more than once, the last. */
function parse(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line))
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}
