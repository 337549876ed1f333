import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Audit } from '../../../src/node/audit/audit.ts'
import { auditBodyOf } from '../../../src/node/audit/audit-entry.ts'
import { auditEntries } from '../../../src/node/audit/show.ts'
import { createLog } from '../../../src/node/log.ts'
import { Database } from '../../../src/store/database.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

describe('audit log', () => {
  const folder = tempFolder()
  let clock: ManualClock
  let database: Database
  let tap: LogTap
  let written: string[]
  let audit: Audit

  beforeEach(async () => {
    clock = new ManualClock()
    database = await Database.open(join(folder(), 'store'))
    tap = new LogTap()
    written = []
    const lines = { write: (line: string) => written.push(line) }
    audit = await Audit.open({ clock, database, lines, log: createLog('debug', tap) })
  })
  afterEach(() => database.close())

  const entries = () => auditEntries(audit.journal, {})

  it('keeps what is recorded in the order of the calls, on disk when it is flushed', async () => {
    audit.record({ kind: 'token', who: 'owner', what: 'token x was made', details: { days: 3 } })
    audit.record({ kind: 'stop', who: 'node', what: 'the node stopped' })
    await audit.flush()
    assert.deepEqual(
      (await entries()).map(({ details, kind, seq, what, who }) => ({
        seq,
        kind,
        who,
        what,
        details,
      })),
      [
        { seq: 1, kind: 'token', who: 'owner', what: 'token x was made', details: { days: 3 } },
        { seq: 2, kind: 'stop', who: 'node', what: 'the node stopped', details: undefined },
      ],
    )
    assert.equal(audit.written.seq, 2)
    assert.deepEqual(
      written.map((line) => (JSON.parse(line) as { kind: string }).kind),
      ['token', 'stop'],
    )
  })

  it('never throws, and says so in the log when it cannot be written', async () => {
    await database.close()
    audit.record({ kind: 'stop', who: 'node', what: 'too late' })
    await audit.flush()
    assert.equal(tap.lines.at(-1)?.msg, 'audit entry could not be written')
    assert.equal(audit.written.seq, 0)
    database = await Database.open(join(folder(), 'store'))
  })

  it('takes no text that is long, or that would trouble a terminal, and no number that CBOR has not', () => {
    const details = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`k${at}`, 'x'.repeat(500)]),
    )
    const body = auditBodyOf({
      kind: 'alert',
      who: `a\u001b[31m${'b'.repeat(500)}`,
      what: `one\ntwo ${'c'.repeat(500)}`,
      details: { ...details, k0: 1.5, k1: Number.NaN, k2: 7 },
    })
    assert.ok(body.who.length <= 96 && body.who.startsWith('ab'))
    assert.ok(body.what.length <= 240 && body.what.startsWith('one two'))
    assert.equal(Object.keys(body.details ?? {}).length, 12)
    assert.deepEqual(
      [body.details?.['k0'], body.details?.['k1'], body.details?.['k2']],
      ['1.5', 'NaN', 7],
    )
  })

  it('F34: counts what a peer is refused, by verb and code, in one entry a minute', async () => {
    for (let call = 0; call < 500; call++) audit.refused('eve', 'ask', 'denied')
    audit.refused('eve', 'status', 'denied')
    audit.refused('eve', 'x'.repeat(100), 'unsupported-verb')
    audit.refused('nas', 'ask', 'rate-limited')
    assert.deepEqual(await entries(), [])
    clock.advance(MINUTE_MS)
    await audit.flush()
    assert.deepEqual(
      (await entries()).map(({ details, who, what }) => ({ who, what, details })),
      [
        {
          who: 'eve',
          what: '502 calls were refused',
          details: { 'ask denied': 500, 'status denied': 1, 'unknown unsupported-verb': 1 },
        },
        { who: 'nas', what: 'a call was refused', details: { 'ask rate-limited': 1 } },
      ],
    )
  })

  it('F63: gives a peer that is refused day and night some entries an hour, and loses no count', async () => {
    for (let minute = 0; minute < 600; minute++) {
      for (let call = 0; call < 10; call++) audit.refused('eve', 'ask', 'denied')
      audit.cancelledBy('eve')
      clock.advance(MINUTE_MS)
    }
    await audit.stop()
    const all = await entries()
    const denied = all.filter(({ kind }) => kind === 'denied')
    // 6 at once, then 6 an hour, and what was left when it stopped.
    assert.ok(denied.length <= 6 + 10 * 6 + 1, String(denied.length))
    const sum = denied.reduce((total, { details }) => total + Number(details?.['ask denied']), 0)
    assert.equal(sum, 6_000)
    const cancels = all.filter(({ kind }) => kind === 'cancel')
    assert.equal(
      cancels.reduce((total, { details }) => total + Number(details?.['ask.cancel']), 0),
      600,
    )
    assert.ok(cancels.length <= denied.length + 1)
  })

  it('F63: writes what a program here is refused at once, and counts what it goes on to try', async () => {
    audit.refusedHere('job x', 'kith stop is for a person')
    await audit.flush()
    assert.deepEqual(
      (await entries()).map(({ details, who }) => ({ who, details })),
      [{ who: 'job x', details: { 'kith stop is for a person': 1 } }],
    )
    for (let call = 0; call < 1_000; call++) audit.refusedHere('job x', 'kith stop is for a person')
    await audit.stop()
    const all = await entries()
    assert.ok(all.length <= 7, String(all.length))
    const sum = all.reduce(
      (total, { details }) => total + Number(Object.values(details ?? {})[0]),
      0,
    )
    assert.equal(sum, 1_001)
  })

  it('writes at once after a quiet hour', async () => {
    for (let minute = 0; minute < 10; minute++) {
      audit.refused('eve', 'ask', 'denied')
      clock.advance(MINUTE_MS)
    }
    await audit.flush()
    assert.equal((await entries()).length, 6)
    clock.advance(2 * HOUR_MS)
    await audit.flush()
    const before = (await entries()).length
    audit.refused('eve', 'ask', 'denied')
    clock.advance(MINUTE_MS)
    await audit.flush()
    assert.equal((await entries()).length, before + 1)
  })

  const QUERIES = [
    [{}, [1, 2, 3, 4]],
    [{ limit: 2 }, [3, 4]],
    [{ limit: 9 }, [1, 2, 3, 4]],
    [{ kinds: ['key'] }, [1, 3]],
    [{ kinds: ['key', 'stop'] }, [1, 3, 4]],
    [{ kinds: ['key'], limit: 1 }, [3]],
    [{ who: 'nas' }, [2, 3]],
    [{ who: 'nas', kinds: ['key'] }, [3]],
    [{ who: 'nobody' }, []],
  ] as const
  for (const [query, seqs] of QUERIES) {
    it(`shows ${JSON.stringify(query)} as entries ${seqs.join(', ')}`, async () => {
      audit.record({ kind: 'key', who: 'node', what: 'a' })
      audit.record({ kind: 'alert', who: 'nas', what: 'b' })
      audit.record({ kind: 'key', who: 'nas', what: 'c' })
      audit.record({ kind: 'stop', who: 'node', what: 'd' })
      await audit.flush()
      assert.deepEqual(
        (await auditEntries(audit.journal, query)).map(({ seq }) => seq),
        seqs,
      )
    })
  }

  it('shows entries from a time on', async () => {
    audit.record({ kind: 'key', who: 'node', what: 'a' })
    clock.advance(HOUR_MS)
    audit.record({ kind: 'key', who: 'node', what: 'b' })
    await audit.flush()
    const shown = await auditEntries(audit.journal, { since: clock.now() })
    assert.deepEqual(
      shown.map(({ what }) => what),
      ['b'],
    )
  })
})
