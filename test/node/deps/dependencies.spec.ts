import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { DependencyReport } from '../../../src/node/control/api.ts'
import { advisoryOf, concerns, osvRecord } from '../../../src/node/deps/advisory.ts'
import { checkDependencies } from '../../../src/node/deps/check-dependencies.ts'
import { lockedPackages, packagesIn } from '../../../src/node/deps/locked-packages.ts'
import type { LockedPackage } from '../../../src/node/deps/locked-packages.ts'
import { homeOf } from '../../../src/node/home.ts'
import { ROOT } from '../../helpers/imports.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

const RECORD = {
  id: 'GHSA-aaaa-bbbb-cccc',
  summary: 'Reads \u001b[31mtoo much',
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N' }],
  database_specific: { severity: 'HIGH' },
  affected: [
    {
      package: { name: 'left-pad', ecosystem: 'npm' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '1.0.0' }, { fixed: '1.3.1' }] }],
    },
    { package: { name: 'left-pad', ecosystem: 'PyPI' }, versions: ['9.9.9'] },
  ],
}

describe('packages that kith is made of', () => {
  it('G10: are those of the lockfile that are there when it runs, each version once', () => {
    const lock = {
      lockfileVersion: 3,
      packages: {
        '': { version: '1.0.0' },
        'node_modules/b': { version: '2.0.0' },
        'node_modules/a/node_modules/b': { version: '1.0.0' },
        'node_modules/c/node_modules/b': { version: '1.0.0' },
        'node_modules/@s/a': { version: '3.0.0', optional: true },
        'node_modules/alias': { name: 'real', version: '4.0.0' },
        'node_modules/tool': { version: '5.0.0', dev: true },
        'node_modules/maybe': { version: '6.0.0', devOptional: true },
        'node_modules/linked': { link: true },
      },
    }
    assert.deepEqual(
      packagesIn(JSON.stringify(lock)).map(({ name, version }) => `${name}@${version}`),
      ['@s/a@3.0.0', 'b@2.0.0', 'b@1.0.0', 'maybe@6.0.0', 'real@4.0.0'],
    )
    assert.throws(() => packagesIn('{"lockfileVersion":1,"packages":{}}'))
  })

  it('G10: are found in a checkout, and in a published package beside what was built', async () => {
    const own = lockedPackages(ROOT)
    assert.ok(
      own.some(({ name }) => name === 'libp2p') && !own.some(({ name }) => name === 'mocha'),
    )
  })
})

describe('an advisory', () => {
  const CASES: [events: object[], within: string[], without: string[]][] = [
    [
      [{ introduced: '0' }, { fixed: '1.2.0' }],
      ['0.0.1', '1.1.9', '1.2.0-rc.1'],
      ['1.2.0', '2.0.0'],
    ],
    [
      [{ introduced: '1.0.0' }, { fixed: '1.2.0' }],
      ['1.0.0', '1.1.0'],
      ['0.9.0', '1.2.0'],
    ],
    [[{ introduced: '1.0.0' }, { last_affected: '1.2.0' }], ['1.2.0'], ['1.2.1']],
    [[{ introduced: '1.0.0' }], ['1.0.0', '99.0.0'], ['0.1.0']],
    [
      [{ introduced: '0' }, { fixed: '1.0.1' }, { introduced: '2.0.0' }, { fixed: '2.0.5' }],
      ['1.0.0', '2.0.4'],
      ['1.0.1', '1.9.0', '2.0.5'],
    ],
    [[{ introduced: '1.0.0 || *' }], [], ['1.0.0']],
    [[], [], ['1.0.0']],
  ]
  for (const [events, within, without] of CASES) {
    it(`G10: concerns ${within.join(', ') || 'nothing'} by ${JSON.stringify(events)}`, () => {
      const affected = [
        { package: { name: 'x', ecosystem: 'npm' }, ranges: [{ type: 'SEMVER', events }] },
      ]
      const advisory = advisoryOf(osvRecord.parse({ id: 'A', affected }))
      assert.ok(advisory)
      const hits = (version: string) => concerns(advisory, { name: 'x', version }) !== undefined
      assert.deepEqual(within.filter(hits), within)
      assert.deepEqual(without.filter(hits), [])
      assert.equal(concerns(advisory, { name: 'y', version: within[0] ?? '1.0.0' }), undefined)
    })
  }

  it('is of npm alone, not withdrawn, and fit for a terminal', () => {
    const advisory = advisoryOf(osvRecord.parse(RECORD))
    assert.deepEqual(
      advisory?.affected.map(({ name, ranges }) => [name, ranges]),
      [['left-pad', ['>=1.0.0 <1.3.1']]],
    )
    assert.equal(advisory.severity, 'high')
    assert.equal(advisory.summary, 'Reads too much')
    assert.equal(
      advisoryOf(osvRecord.parse({ ...RECORD, withdrawn: '2026-01-01T00:00:00Z' })),
      undefined,
    )
  })
})

describe('kith audit deps', () => {
  const folder = tempFolder()
  let server: Server
  let base: string
  /** Queries that came, and what is answered to the next ones. */
  let asked: string[]
  let status: number
  let found: Record<string, string[]>
  /** Pages of an answer, of which the last has what was found, and what else is in each. */
  let pages: number
  let filler: string

  beforeEach(async () => {
    asked = []
    status = 200
    pages = 1
    filler = ''
    found = { 'left-pad@1.3.0': ['GHSA-aaaa-bbbb-cccc'] }
    server = createServer((request, response) => {
      void text(request).then((body) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        if (request.url?.startsWith('/v1/vulns/') === true) {
          response.end(JSON.stringify(RECORD))
          return
        }
        assert.equal(`${request.method ?? ''} ${request.url ?? ''}`, 'POST /v1/querybatch')
        const { queries } = JSON.parse(body) as {
          queries: {
            package: { name: string; ecosystem: string }
            version: string
            page_token?: string
          }[]
        }
        const results = queries.map(
          ({ package: { ecosystem, name }, page_token: token, version }) => {
            assert.equal(ecosystem, 'npm')
            asked.push(`${name}@${version}`)
            const page = Number(token ?? 1)
            if (page < pages) return { next_page_token: String(page + 1) }
            const ids = found[`${name}@${version}`]
            return ids === undefined ? {} : { vulns: ids.map((id) => ({ id, modified: 'x' })) }
          },
        )
        response.end(JSON.stringify({ results, filler }))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => new Promise((resolve) => server.close(resolve)))

  async function check(
    packages: LockedPackage[],
    offline = false,
    now = NOW,
  ): Promise<DependencyReport> {
    const home = homeOf({ KITH_HOME: join(folder(), 'home') }, undefined)
    await mkdir(home.path, { recursive: true, mode: 0o700 })
    return await checkDependencies({
      home,
      env: { KITH_AUDIT_OSV_URL: base },
      offline,
      now,
      packages,
    })
  }

  const BAD = { name: 'left-pad', version: '1.3.0' }
  const GOOD = { name: 'libp2p', version: '3.3.11' }
  const FIXED = { name: 'left-pad', version: '1.3.1' }

  it('G10: finds a vulnerable version that was planted, with what fixes it', async () => {
    assert.deepEqual(await check([BAD, GOOD]), {
      state: 'vulnerable',
      packages: 2,
      listAt: NOW,
      findings: [
        {
          ...{ package: 'left-pad', version: '1.3.0', id: 'GHSA-aaaa-bbbb-cccc' },
          ...{ severity: 'high', summary: 'Reads too much', fixed: '1.3.1' },
        },
      ],
    })
    assert.deepEqual(asked, ['left-pad@1.3.0', 'libp2p@3.3.11'])
  })

  it('G10: says "clean" of what was asked about alone', async () => {
    assert.deepEqual(await check([GOOD]), {
      state: 'clean',
      packages: 1,
      listAt: NOW,
      findings: [],
    })
  })

  it('G10: takes the word of the service for a version that no range of its record has', async () => {
    found = { 'left-pad@1.3.1': ['GHSA-aaaa-bbbb-cccc'] }
    assert.equal((await check([FIXED, GOOD])).state, 'vulnerable')
    assert.deepEqual((await check([FIXED, GOOD], true)).findings, [
      {
        ...{ package: 'left-pad', version: '1.3.1', id: 'GHSA-aaaa-bbbb-cccc' },
        ...{ severity: 'high', summary: 'Reads too much' },
      },
    ])
  })

  it('G10: says "not checked" off-line without a list, and not "clean"', async () => {
    const report = await check([GOOD], true)
    assert.equal(report.state, 'not-checked')
    assert.equal(report.listAt, undefined)
    assert.ok(report.why)
    assert.deepEqual(asked, [])
  })

  it('G10: uses the list that was fetched last off-line, by ranges, and says of when it is', async () => {
    await check([BAD, GOOD])
    asked = []
    const later = await check([BAD, GOOD], true, NOW + 86_400_000)
    assert.deepEqual([later.state, later.listAt, later.findings.length], ['vulnerable', NOW, 1])
    assert.deepEqual(asked, [])
    // Nobody asked about this version: what is known of the package says nothing of what else it has.
    const moved = await check([FIXED, GOOD], true)
    assert.deepEqual([moved.state, moved.findings], ['not-checked', []])
    assert.match(moved.why ?? '', /left-pad@1\.3\.1/)
    const back = await check([{ name: 'left-pad', version: '1.2.0' }], true)
    assert.equal(back.state, 'vulnerable')
  })

  it('G10: falls back on that list where nobody answers, and says why', async () => {
    await check([GOOD])
    status = 503
    const report = await check([GOOD])
    assert.deepEqual([report.state, report.listAt], ['clean', NOW])
    assert.match(report.why ?? '', /127\.0\.0\.1:\d+ answered 503/)
    base = 'http://127.0.0.1:1'
    assert.equal((await check([GOOD])).state, 'clean')
  })

  it('G10: is "not checked" where nobody answers and there is no list, or one that is damaged', async () => {
    status = 500
    assert.equal((await check([GOOD])).state, 'not-checked')
    status = 200
    await check([GOOD])
    const path = join(folder(), 'home', 'cache', 'advisories.json')
    assert.ok((await readFile(path, 'utf8')).startsWith('{"version":1'))
    await writeFile(path, '{"version":1')
    assert.equal((await check([GOOD], true)).state, 'not-checked')
  })

  it('asks in pieces', async () => {
    const many = Array.from({ length: 1_200 }, (_, at) => ({ name: `p${at}`, version: '1.0.0' }))
    found = { 'p1199@1.0.0': ['GHSA-x'] }
    assert.equal((await check(many)).packages, 1_200)
    assert.equal(asked.length, 1_200)
  })

  it('takes what comes on further pages', async () => {
    pages = 20
    assert.equal((await check([BAD])).state, 'vulnerable')
    assert.equal(asked.length, 20)
  })

  it('takes no list that has no end, no answer that is too long, and no list of everything', async () => {
    pages = Infinity
    await isNotTaken(/has no end/)
    pages = 1
    filler = 'x'.repeat(8_388_608)
    await isNotTaken(/answered too much/)
    filler = ''
    found = { 'left-pad@1.3.0': Array.from({ length: 1_001 }, (_, at) => `GHSA-${at}`) }
    await isNotTaken(/1001 vulnerabilities are too many/)
  })

  async function isNotTaken(why: RegExp): Promise<void> {
    const report = await check([BAD])
    assert.equal(report.state, 'not-checked')
    assert.match(report.why ?? '', why)
  }

  for (const url of ['http://osv.example', 'ftp://osv.example', 'osv.example']) {
    it(`is told of no other place than one over HTTPS, or of this machine: ${url}`, async () => {
      base = url
      await assert.rejects(check([GOOD]))
    })
  }
})
