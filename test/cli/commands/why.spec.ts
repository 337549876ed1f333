import assert from 'node:assert/strict'
import type { KeyEventReport, PeerKeysReport } from '../../../src/node/control/api.ts'
import { timeText } from '../../../src/cli/time-text.ts'
import { FakeCli } from '../fake-cli.ts'
import { ID, KEY } from '../reports.ts'

const HOUR_MS = 3_600_000
const NOW = Date.now()

const made: KeyEventReport = { sn: 0, type: 'icp', key: 'first', hash: 'a', at: NOW, seenAt: NOW }
const rotated: KeyEventReport = {
  sn: 1,
  type: 'rot',
  key: KEY,
  hash: 'b',
  at: NOW,
  why: 'routine',
  graceSeconds: 60,
  seenAt: NOW - HOUR_MS,
}
const report: PeerKeysReport = {
  peer: 'bob',
  id: ID,
  state: 'in-force',
  windowHours: 72,
  log: [made, rotated],
  conflict: [],
}

describe('kith peers why', () => {
  it('N11: reads the files of a node that does not run', async () => {
    const cli = new FakeCli()
    cli.offlineNode = { peerKeysOffline: async () => report }
    assert.equal(await cli.kith('peers', 'why', 'bob'), 0)
    assert.match(cli.stdout.text, /event 1 decides: bob is whoever has /)
  })

  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  /** What it prints of this peer. */
  async function shown(change: Partial<PeerKeysReport> = {}): Promise<string> {
    cli.answers = { peerKeys: () => ({ ...report, ...change }) }
    assert.equal(await cli.kith('peers', 'why', 'bob'), 0)
    return cli.stdout.text
  }

  it('shows the log with the times when each event was first seen here, and what decides', async () => {
    const text = await shown({ graceEndsAt: NOW + HOUR_MS })
    assert.match(text, /^SN +WHAT +MADE +SEEN HERE +KEY +HASH\n/)
    assert.ok(text.includes(timeText(NOW - HOUR_MS)))
    assert.ok(text.includes(`event 1 decides: bob is whoever has ${KEY}`))
    assert.ok(text.includes(`until ${timeText(NOW + HOUR_MS)} the key before may fetch`))
    assert.ok(text.includes(`until ${timeText(NOW + 71 * HOUR_MS)} its recovery key can undo that`))
  })

  it('says nothing of what is over', async () => {
    const text = await shown({ log: [made, { ...rotated, seenAt: NOW - 73 * HOUR_MS }] })
    assert.ok(!text.includes('until'))
  })

  it('shows both branches of a frozen peer, and who can settle it until when', async () => {
    const text = await shown({
      state: 'frozen',
      conflict: [{ ...rotated, hash: 'c', key: 'thief' }],
    })
    assert.match(text, /against it stands:\n\nSN +WHAT/)
    assert.match(text, /both event 1 are valid/)
    assert.ok(text.includes(`until ${timeText(NOW + 71 * HOUR_MS)}: ask its owner`))
    assert.match(text, /kith key recover/)
  })

  it('says that beyond the window only a recovery of what is held settles it, or a person', async () => {
    const old = { ...rotated, seenAt: NOW - 73 * HOUR_MS }
    const against = { ...rotated, hash: 'c'.repeat(64) }
    const text = await shown({ state: 'frozen', log: [made, old], conflict: [against] })
    assert.match(text, /on top of that log: ask its owner.*\n +try: kith peers settle bob HASH/)
    assert.ok(text.includes(`it ends in the hash b; what stands against it, in ${'c'.repeat(32)}`))
  })

  it('says that only a person settles it once its recovery key has come too late', async () => {
    const late: KeyEventReport = { sn: 1, type: 'rec', key: 'own', hash: 'c', at: NOW }
    const text = await shown({ state: 'frozen', conflict: [late] })
    assert.match(text, /came too late here to undo it\n +try: kith peers settle bob HASH/)
    assert.doesNotMatch(text, /kith key recover/)
  })

  it('tells of one that has retired, and of one that has not shown its log', async () => {
    const end: KeyEventReport = { sn: 1, type: 'end', hash: 'd', at: NOW, seenAt: NOW }
    assert.match(await shown({ state: 'retired', log: [made, end] }), /try: kith peers remove bob/)
    cli = new FakeCli()
    assert.match(
      await shown({ state: 'waiting', log: [] }),
      /^bob has not shown.*\n +try: kith ping bob/,
    )
  })

  it('has JSON', async () => {
    cli.answers = { peerKeys: () => report }
    assert.equal(await cli.kith('peers', 'why', 'bob', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [report])
  })
})
