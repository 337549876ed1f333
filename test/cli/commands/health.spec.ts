import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { HealthReport } from '../../../src/node/control/api.ts'
import { homeOf } from '../../../src/node/home.ts'
import { listHomeFiles } from '../../../src/store/backup/home-files.ts'
import { eventually } from '../../helpers/eventually.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const report: HealthReport = {
  ...{ status: 'degraded', version: '0.1.0', at: AT, uptimeMs: 61_000, counts: {} },
  components: [
    { name: 'store', state: 'ready', since: AT - 60_000, lastOkAt: AT - 2_000, required: true },
    {
      ...{ name: 'provider lab', state: 'error', reason: 'it \u001B[31mfails', required: false },
      since: AT - 5_000,
    },
  ],
}

describe('kith health', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers.health = () => report
  })

  it('shows each component, and why it is not well, safe for a terminal', async () => {
    assert.equal(await cli.kith('health'), 0)
    assert.match(cli.stdout.text, /^degraded, kith 0\.1\.0, up 1 min 1 s\n/)
    assert.match(cli.stdout.text, /^store +ready +1 min 0 s +2 s ago$/m)
    assert.match(cli.stdout.text, /^provider lab +error +5 s +- +it fails$/m)
  })

  it('has all of it as JSON', async () => {
    await cli.kith('health', '--json')
    assert.deepEqual(cli.stdout.json, [report])
  })

  for (const [status, code] of [
    ['healthy', 0],
    ['degraded', 0],
    ['unhealthy', 1],
  ] as const) {
    it(`exits ${code} when the node is ${status}`, async () => {
      cli.answers.health = () => ({ ...report, status })
      assert.equal(await cli.kith('health'), code)
      assert.equal(await cli.kith('health', '--json'), code)
    })
  }

  it('exits 6 where no node runs', async () => {
    delete cli.answers.health
    assert.equal(await cli.kith('health'), 6)
  })
})

describe('kith dashboard', () => {
  const folder = tempFolder()
  const url = 'http://127.0.0.1:7424/#code=abc'
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers.dashboard = () => ({ url })
  })

  it('shows the link alone on its output', async () => {
    assert.equal(await cli.kith('dashboard'), 0)
    assert.equal(cli.stdout.text, `${url}\n`)
    assert.match(cli.stderr.text, /five minutes, and once/)
    await cli.kith('dashboard', '--json')
    assert.match(cli.stdout.text, /\{"url":/)
  })

  it('opens it by a file of its own, so that no list of processes has it', async () => {
    const [home, bin] = [homeOf({ KITH_HOME: join(folder(), 'home') }, undefined), folder()]
    Object.assign(cli, { home })
    cli.env['PATH'] = bin
    const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
    const script = `#!/bin/sh\nprintf %s "$*" > '${bin}/new' && /bin/mv '${bin}/new' '${bin}/got'\n`
    await writeFile(join(bin, program), script, { mode: 0o700 })
    assert.equal(await cli.kith('dashboard', '--open'), 0)
    const file = join(home.path, 'cache', 'dashboard.html')
    const got = await eventually(() => readFile(join(bin, 'got'), 'utf8'))
    assert.equal(got, pathToFileURL(file).href)
    assert.ok((await readFile(file, 'utf8')).includes(url))
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.deepEqual(listHomeFiles(home.path), { files: [], leftOut: [] })
  })

  it('says so where there is no browser to open it', async () => {
    Object.assign(cli, { home: homeOf({ KITH_HOME: folder() }, undefined) })
    cli.env['PATH'] = folder()
    assert.equal(await cli.kith('dashboard', '--open'), 0)
    await eventually(() => {
      assert.match(cli.stderr.text, /open did not start: open the link yourself/)
    })
  })
})
