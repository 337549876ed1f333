/*
 * Types every command of docs/operations.md as an operator would, in the order of the page, on a server, a laptop and
 * the machine that replaces the server, and holds its tables to what is there then.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FLEET_EXIT } from '../../src/cli/commands/fleet/fleet.ts'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { UNIT_NAME } from '../../src/node/service/install-paths.ts'
import { unitText } from '../../src/node/service/service.ts'
import { freePort } from '../helpers/free-port.ts'
import { ROOT } from '../helpers/imports.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { code, page, section, table, tables } from './markdown.ts'
import { stepsOf, takeTour } from './tour.ts'
import type { Other } from './tour.ts'

const run = promisify(execFile)

const PAGE = page('docs/operations.md')
const MACHINES = ['server', 'laptop', 'new']

const OTHER_EACH_TIME: readonly Other[] = [
  ['kith://i/1/', [/^(kith:\S+)$/m]],
  ['server and this node have pinned', [/^words: (.*)$/m]],
]

describe('docs/operations.md', function () {
  this.timeout(300_000)
  let folder = ''
  let translate: Map<string, string>

  const homeOn = (machine: string): string => join(folder, machine, '.kith')

  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-ops-')))
    for (const name of ['backups', 'usb', ...MACHINES]) {
      await mkdir(join(folder, name), { mode: 0o700 })
    }
    const [server, laptop, http] = [await freePort(), await freePort(), await freePort()]
    translate = new Map([
      ['/mnt/', `${folder}/`],
      ['/ip4/0.0.0.0/tcp/7423', `/ip4/127.0.0.1/tcp/${server}`],
      ['/dns4/server.example.org/tcp/7423', `/ip4/127.0.0.1/tcp/${server}`],
      ['/ip4/0.0.0.0/tcp/7433', `/ip4/127.0.0.1/tcp/${laptop}`],
      ['127.0.0.1:7424', `127.0.0.1:${http}`],
    ])
  })

  after(async () => {
    await Promise.all(
      MACHINES.map((machine) => {
        const stop = [program('kith'), '--home', homeOn(machine), 'daemon', 'stop']
        return run(process.execPath, stop).catch(() => undefined)
      }),
    )
    await rm(folder, { recursive: true, maxRetries: 10 })
  })

  /** What each machine has before anybody types: its own home, and kith installed. */
  function machines(): ReturnType<typeof stepsOf> {
    return MACHINES.map((machine) => ({
      terminals: [machine],
      commands: [
        `export HOME='${join(folder, machine)}'`,
        `export NODE_COMPILE_CACHE='${compileCache()}'`,
        `alias kith="'${process.execPath}' '${program('kith')}'"`,
      ],
      exits: 0,
      prints: undefined,
    }))
  }

  /** Takes the tour of a text: the page's own, or one with a fault in it. */
  async function typed(text: string): Promise<void> {
    await takeTour([...machines(), ...stepsOf(here(text))], folder, translate, OTHER_EACH_TIME)
  }

  it('F65: every command does what the page says, in its order', async () => {
    await typed(PAGE)
  })

  it('F65: each path is there, in the homes that came of it', () => {
    assert.deepEqual(missingPaths(PAGE), [])
  })

  /** What the page says is in a home, and is in none. */
  function missingPaths(text: string): string[] {
    const paths = table(section(text, '## Shape of the system')).map(([path]) => code(path))
    const there = (path: string): boolean =>
      MACHINES.some((machine) => existsSync(path.replace('~', join(folder, machine))))
    return paths.filter((path) => !there(path))
  }

  for (const [from, to] of [
    ['--passphrase-stdin <', '--passphrase-from-stdin <'],
    ['kith init', 'kith make'],
    ['~/.config/kith/passphrase\ncp', '~/.config/kith/passphrases\ncp'],
  ] as const) {
    it(`F65: fails when ${from.replace('\n', ' ')} is ${to.replace('\n', ' ')} there`, async () => {
      await assert.rejects(typed(planted(FIRST, from, to)), assert.AssertionError)
    })
  }

  it('F65: fails when a path of it is gone', () => {
    const text = planted(PAGE, '`~/.kith/jobs.yaml`', '`~/.kith/jobs.json`')
    assert.deepEqual(missingPaths(text), ['~/.kith/jobs.json'])
  })

  it('F65: tells each exit code, of commands and of the fleet', () => {
    assert.deepEqual(exitFaults(PAGE), [])
    assert.equal(exitFaults(planted(PAGE, '| 75 | not now', '| 74 | not now')).length, 1)
    assert.equal(exitFaults(planted(PAGE, '| 3 | red |', '| 5 | red |')).length, 1)
  })

  it('F65: names the machine of each block, or says why it is not typed here', () => {
    const infos = Array.from(PAGE.matchAll(/^```sh ?(.*)$/gm), ([, info = '']) => info)
    assert.ok(infos.length > 40)
    for (const info of infos) {
      const [first = ''] = info.split(' ')
      assert.ok(MACHINES.includes(first) || /^elsewhere (\S+ ){3,}/.test(info), info)
    }
  })

  it('F65: names the unit, its commands and its limit as kith service has them', () => {
    const elsewhere = PAGE.match(/^```sh elsewhere [^]*?^```$/gm)?.join('\n') ?? ''
    assert.ok(elsewhere.includes(`systemctl --user status ${UNIT_NAME.replace('.service', '')}`))
    const unit = unitText({
      kind: 'user',
      env: { HOME: folder, KITH_HOME: join(folder, '.kith') },
      program: [process.execPath, program('kith')],
      credentials: new Map([['default', join(folder, 'passphrase')]]),
    })
    const [, limit = ''] = /^LimitNOFILE=(\d+)$/m.exec(unit) ?? []
    const machine = section(PAGE, '## Limits of the machine')
    assert.ok(machine.includes(`have ${limit};`), limit)
    assert.ok(page('compose.yaml').includes(`soft: ${limit}`))
    for (const [, service = ''] of machine.matchAll(
      /^docker compose (?:run|exec)(?: -\S+)* (\w+)/gm,
    )) {
      assert.match(page('compose.yaml'), new RegExp(`^  ${service}:$`, 'm'))
    }
  })

  it('F65: each link leads to a page and a heading that are there', () => {
    for (const [, target = ''] of PAGE.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', heading] = target.split('#')
      const file = path === '' ? 'docs/operations.md' : join('docs', path)
      assert.ok(existsSync(join(ROOT, file)), target)
      if (heading !== undefined) assert.ok(headings(page(file)).includes(heading), target)
    }
  })
})

/** The page as far as the first machine needs no other. */
const FIRST = section(PAGE, '## First day').split('**Say where backups go**')[0] ?? ''

/** A text without the blocks that say why they cannot be typed here. */
function here(text: string): string {
  return text.replaceAll(/^```sh elsewhere .*\n[^]*?^```\n/gm, '')
}

/** A copy of a text with a fault in it. */
function planted(text: string, from: string, to: string): string {
  assert.ok(text.includes(from), from)
  return text.replace(from, to)
}

/** What the tables of exit codes say otherwise than the code. */
function exitFaults(text: string): string[] {
  const [all = [], fleet = []] = tables(section(text, '## Exit codes'))
  const told = all.map(([exit = '']) => exit)
  const known = Object.values(EXIT).map(String)
  const states = fleet.flatMap(([exit = '', what = '']) =>
    (what.split(':')[0] ?? '').split(', ').map((state) => `${state} ${exit}`),
  )
  const worst = Object.entries(FLEET_EXIT).map(([state, exit]) => `${state} ${exit}`)
  return [
    ...known.filter((exit) => !told.includes(exit)),
    ...worst.filter((state) => !states.includes(state)),
  ]
}

/** The headings of a page as links name them. */
function headings(text: string): string[] {
  const found = text.match(/(?<=^#+ ).*$/gm) ?? []
  return found.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}
