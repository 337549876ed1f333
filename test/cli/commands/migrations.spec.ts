import assert from 'node:assert/strict'
import type { MigrationStatus } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const STORE: MigrationStatus = {
  ...{ what: 'store', path: '/home/store', current: 1, wanted: 1 },
  pending: [],
}

describe('kith migrations status', () => {
  let cli: FakeCli
  let running: number | undefined

  beforeEach(() => {
    cli = new FakeCli()
  })

  function answer(status: MigrationStatus): void {
    cli.doctorModule = {
      migrationStatus: (_home, format) => {
        running = format
        return Promise.resolve([status])
      },
    }
  }

  it('F33: shows what there is and what is wanted, and asks a running node for the store', async () => {
    answer(STORE)
    const finding = { check: 'store', state: 'ok', what: 'takes writes', details: { format: 1 } }
    cli.answers = {
      doctor: () => ({
        state: 'ok',
        counts: { ok: 1, warn: 0, fail: 0 },
        findings: [finding as never],
      }),
    }
    assert.equal(await cli.kith('migrations', 'status'), 0)
    assert.match(cli.stdout.text, /store +1 +1 +none/)
    assert.equal(running, 1)
  })

  it('F33: exits with 7 while steps are pending, and says what the next start does', async () => {
    answer({ ...STORE, wanted: 2, pending: [{ to: 2, what: 'names in capitals' }] })
    assert.equal(await cli.kith('migrations', 'status'), 7)
    assert.match(cli.stdout.text, /store +1 +2 +2: names in capitals/)
    assert.match(cli.stderr.text, /keeps the old store beside it[\s\S]*kith backup create/)
  })

  it('F33: exits with 1 for what a later kith has written, with both versions', async () => {
    answer({ ...STORE, current: 3 })
    assert.equal(await cli.kith('migrations', 'status'), 1)
    assert.match(cli.stderr.text, /\/home\/store has version 3; this kith knows up to 1/)
  })
})
