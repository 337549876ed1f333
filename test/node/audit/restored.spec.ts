import assert from 'node:assert/strict'
import { auditEntries } from '../../../src/node/audit/show.ts'
import { openAuditJournal } from '../../../src/node/audit/audit.ts'
import { contradictionOf } from '../../../src/node/audit/contradiction.ts'
import { verifiedHead } from '../../../src/node/audit/own-heads.ts'
import { mergeRows } from '../../../src/node/backup/merge-rows.ts'
import { nextEpoch } from '../../../src/node/epoch.ts'
import { AuditHome } from '../../helpers/audit-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('audit log of a restored home', () => {
  const folder = tempFolder()
  let staged: AuditHome
  let present: AuditHome

  /** The backup has 4 entries, the home has gone on to 9. Both are of one node. */
  beforeEach(async () => {
    staged = await AuditHome.open(`${folder()}/staged`)
    present = await AuditHome.open(`${folder()}/present`)
    for (const home of [staged, present]) {
      await nextEpoch(home.database)
      await home.record(4)
      await home.heads.keep()
    }
    await nextEpoch(present.database)
    await present.record(5)
    await present.heads.keep()
  })
  afterEach(() => Promise.all([staged.database.close(), present.database.close()]))

  async function restore(there: boolean): Promise<void> {
    const at = staged.clock.now()
    await mergeRows({
      ...{ staged: staged.database, present: there ? present.database : undefined },
      ...{ at, now: at + 60_000, askers: [] },
    })
  }

  async function last(): Promise<{ seq: number; what: string; kind: string } | undefined> {
    return (await auditEntries(await openAuditJournal(staged.database), {})).at(-1)
  }

  it('F34: goes on from that of the home that was there, with an entry that says so', async () => {
    await restore(true)
    const entry = await last()
    assert.deepEqual([entry?.seq, entry?.kind], [10, 'restored'])
    assert.match(entry?.what ?? '', /that of the home that was there$/)
    const verdict = await staged.verify()
    assert.ok(verdict.intact && verdict.signed?.seq === 9)
  })

  it('F34: goes on from that of the backup without one, intact, and does not hide the fork', async () => {
    const [kept] = [
      verifiedHead((await present.heads.newest()) ?? new Uint8Array(), present.keyLog),
    ]
    assert.equal(kept?.seq, 9)
    await restore(false)
    const entry = await last()
    assert.deepEqual([entry?.seq, entry?.kind], [5, 'restored'])
    assert.match(entry?.what ?? '', /^restored from a backup of .* that of the backup$/)
    assert.equal((await staged.verify()).intact, true)
    // What a peer holds of the entries that are gone stands against it, now and when it has as many again.
    const head = { ...kept, signed: new Uint8Array(), receivedAt: 0 }
    const now = { ...kept, seq: 5, first: 1, signed: new Uint8Array() }
    assert.equal(contradictionOf(head, now, [], 1)?.problem, 'shorter')
  })
})
