import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { ROOT } from './helpers/imports.ts'

describe('the repository', () => {
  const pages = [...readdirSync(ROOT), ...readdirSync(join(ROOT, 'docs')).map((p) => `docs/${p}`)]
    .filter((path) => path.endsWith('.md'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))

  for (const { path, text } of pages) {
    it(`${path} links to files that exist`, () => {
      const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(([, to]) => to)
      const broken = links.filter((to) => !existsSync(join(ROOT, dirname(path), to ?? '')))
      assert.deepEqual(broken, [])
    })

    it(`${path} names scripts that exist`, () => {
      const named = [...text.matchAll(/npm run ([a-z:-]+[a-z])/g)].map(([, script]) => script ?? '')
      assert.deepEqual(
        named.filter((script) => !(script in manifest.scripts)),
        [],
      )
    })
  }

  it('has every file that a script runs', () => {
    const files = Object.values(manifest.scripts).flatMap(
      (line) => line.match(/(?<=^|\s)[\w./-]+\.[jt]s\b/g) ?? [],
    )
    assert.deepEqual(
      files.filter((path) => !existsSync(join(ROOT, path))),
      [],
    )
  })

  it('tells in CHANGELOG.md what this version brings', () => {
    const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')
    assert.ok(changelog.includes(`\n## ${manifest.version}`))
  })

  it('names each dependency by one exact version', () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies }
    const loose = Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
    assert.deepEqual(loose, [])
  })
})

describe('.ci/run', () => {
  let home: string

  /**
   * Does as npm would: `npm ci` and `npm test` say and return what the environment holds, and `npm install` puts an
   * agent into the folder behind `--prefix`, if it is to.
   */
  const npm = `#!/bin/sh
    if [ "$1" = ci ]; then exit "$CI_STATUS"; fi
    if [ "$1" = install ]; then
      echo '  99 passing (3s)'
      if [ "$INSTALL_STATUS" != 0 ]; then exit "$INSTALL_STATUS"; fi
      mkdir -p "$3/node_modules/opencode-linux-x64/bin"
      printf '#!/bin/sh\\n' >"$3/node_modules/opencode-linux-x64/bin/opencode"
      chmod +x "$3/node_modules/opencode-linux-x64/bin/opencode"
      exit
    fi
    printf '%s\\n' "agent: $KITH_TEST_OPENCODE"
    printf '%s' "$TEST_OUTPUT"
    exit "$TEST_STATUS"
  `

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'kith-ci-'))
    await mkdir(join(home, '.ci'))
    await copyFile(join(ROOT, '.ci/run'), join(home, '.ci/run'))
    await writeFile(join(home, 'npm'), npm)
    await chmod(join(home, 'npm'), 0o755)
  })

  after(async () => {
    await rm(home, { recursive: true })
  })

  function run(env: Record<string, string>): { stdout: string; status: number | null } {
    const PATH = [home, process.env['PATH']].join(delimiter)
    return spawnSync(join(home, '.ci/run'), { encoding: 'utf8', env: { PATH, ...env } })
  }

  const runs: [what: string, ci: number, test: number, output: string, says: string][] = [
    ['all pass', 0, 0, '  12 passing (3s)\n  1 pending\n', '12 passed, 0 failed'],
    ['two fail', 0, 2, '  12 passing (3s)\n  2 failing\n', '12 passed, 2 failed'],
    ['npm ci fails', 1, 0, '  12 passing (3s)\n', '0 passed, 1 failed'],
    ['a type or a lint rule is broken', 0, 1, 'error TS2322: …\n', '0 passed, 1 failed'],
    ['mocha passes and something still fails', 0, 7, '  12 passing (3s)\n', '12 passed, 1 failed'],
    ['no test runs', 0, 0, '  0 passing (1ms)\n', '0 passed, 1 failed'],
    ['the output ends inside a line', 0, 0, '  12 passing (3s)\nbye', '12 passed, 0 failed'],
  ]
  for (const [what, ci, test, output, says] of runs) {
    it(`ends with "${says}" when ${what}`, () => {
      const { stdout, status } = run({
        CI_STATUS: String(ci),
        INSTALL_STATUS: '1',
        TEST_STATUS: String(test),
        TEST_OUTPUT: output,
      })
      assert.equal(stdout.trimEnd().split('\n').at(-1), says)
      assert.equal(status === 0, says.endsWith(' 0 failed'))
    })
  }

  for (const [install, agent, says] of [
    ['0', /^agent: \/.*\/opencode-linux-x64\/bin\/opencode$/m, /^$/],
    ['1', /^agent: $/m, /^not installed, and not tested with: opencode-ai@[\d.]+$/m],
  ] as const) {
    it(`tests ${install === '0' ? 'with' : 'without'} a stock agent when npm ends its install with ${install}`, () => {
      const { stdout, status } = run({
        ...{ CI_STATUS: '0', INSTALL_STATUS: install, TEST_STATUS: '0' },
        TEST_OUTPUT: '  12 passing (3s)\n',
      })
      assert.equal(status, 0)
      assert.match(stdout, agent)
      assert.match(stdout.match(/^not installed, and not tested.*$/m)?.[0] ?? '', says)
      assert.match(stdout, /\n12 passed, 0 failed\n$/)
    })
  }
})
