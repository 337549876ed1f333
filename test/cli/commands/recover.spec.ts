import assert from 'node:assert/strict'
import { countsOf } from '../../../src/node/checks/finding.ts'
import type { DoctorReport } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const OK = ['identity', 'key-files', 'leftovers', 'store', 'jobs', 'backup'].map((check) => ({
  ...{ check, state: 'ok' as const },
  what: 'well',
}))

describe('kith recover', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.offlineNode = {
      describeNode: () => Promise.resolve({ id: 'kith1x', words: [], addresses: [] }),
    }
  })

  function report(findings: DoctorReport['findings']): DoctorReport {
    const counts = countsOf(findings)
    return { state: counts.fail > 0 ? 'fail' : 'ok', counts, findings }
  }

  it('is a list of what has to be so again, each with its command', async () => {
    assert.equal(await cli.kith('recover'), 0)
    const lines = cli.stdout.text.trim().split('\n')
    assert.match(lines[0] ?? '', /^1\. kith is installed/)
    assert.match(cli.stdout.text, /kith restore FILE[\s\S]*kith start[\s\S]*kith doctor/)
    assert.deepEqual(cli.calls, [])
  })

  it('G11: --check goes by the files where no node runs, and exits with 6', async () => {
    cli.doctorModule = {
      checkOffline: () => Promise.resolve({ ...report(OK), unchecked: ['peers'] }),
    }
    assert.equal(await cli.kith('recover', '--check'), 6)
    assert.match(cli.stdout.text, /fail +daemon +no node runs in .*\n +try: kith start/)
    assert.match(cli.stdout.text, /unchecked +peer-turn/)
  })

  it('G11: --check exits with 1 for a node that does not answer itself, and with 7 without a backup job', async () => {
    cli.answers = {
      doctor: () => report(OK),
      key: () => ({ peers: [] }) as never,
      peers: () => [],
      jobs: () => [],
      ask: () => ({ ask: 'a1', peer: 'self' }) as never,
    }
    cli.streams = [[{ type: 'final', final: { outcome: 'failed', code: 'internal' } } as never]]
    assert.equal(await cli.kith('recover', '--check'), 1)
    assert.match(
      cli.stdout.text,
      /fail +local-turn +it does not answer: internal\n +try: kith ask self help/,
    )
    cli.stdout.text = ''
    cli.streams = [[{ type: 'final', final: { outcome: 'done' } } as never]]
    assert.equal(await cli.kith('recover', '--check'), 7)
    assert.match(
      cli.stdout.text,
      /warn +backups +no job makes backups of this node\n +try: kith jobs add/,
    )
    const on = { name: 'nightly', enabled: true, target: 'backup' }
    cli.answers = { ...cli.answers, jobs: () => [on as never] }
    cli.streams = [[{ type: 'final', final: { outcome: 'done' } } as never]]
    cli.stdout.text = ''
    cli.exitCode = 0
    assert.equal(await cli.kith('recover', '--check'), 0)
    assert.match(cli.stdout.text, /this node is recovered\n$/)
  })
})
