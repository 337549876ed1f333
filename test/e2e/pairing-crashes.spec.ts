import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import type { JoinReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

/** One that is `always` lies between what a side has stored and what comes of it: it matters most. */
type CrashPoint = [point: string, what: string, always?: 'always']

/** Where the inviter is killed, and what has happened by then. Its first write of an invite is its creation. */
const INVITER_POINTS: CrashPoint[] = [
  ['before:invites:2', 'a proposal has come'],
  ['after:invites:2', 'its offer is stored'],
  ['before:invites:3', 'the commit has come'],
  ['after:invites:3', 'the pairing is decided', 'always'],
  ['after:edit:1', 'the joiner is in peers.yaml'],
  ['after:key-logs:1', 'the key log of the joiner is stored'],
  ['after:invites:4', 'all is stored, and its last word is not sent', 'always'],
]

const JOINER_POINTS: CrashPoint[] = [
  ['after:joins:1', 'it has taken on the invite'],
  ['after:joins:2', 'its proposal is stored'],
  ['before:joins:3', 'the offer has come'],
  ['after:joins:3', 'its commit is stored', 'always'],
  ['before:joins:4', 'the last word of the inviter has come'],
  ['after:joins:4', 'the pairing is decided', 'always'],
  ['after:edit:1', 'the inviter is in peers.yaml'],
  ['after:key-logs:1', 'the key log of the inviter is stored'],
]

/** A kill takes some 3 s: `npm test` has the points that say `always`, and `npm run crash:pairing` all of them. */
const ALL = process.env['KITH_CRASH_POINTS'] === 'all'

function chosen(points: CrashPoint[]): CrashPoint[] {
  return points.filter(([, , always]) => ALL || always !== undefined)
}

describe('a pairing of two processes', () => {
  const make = liveNodes()
  let constant: LiveNode
  let made = 0

  before(async () => {
    constant = await node('constant')
    await constant.start()
  })

  async function node(name: string): Promise<LiveNode> {
    const made = await make(name)
    // All come from one address, and some come twice.
    await appendFile(made.home.config, 'lobby: { per_minute: 100, per_address_per_minute: 100 }\n')
    return made
  }

  for (const [point, what] of chosen(INVITER_POINTS)) {
    it(`comes to its end when the inviter is killed once ${what}`, async () => {
      const inviter = await node(`inviter-${++made}`)
      await inviter.startUntil(point)
      const link = await inviteFrom(inviter, 'constant')
      await join(constant, link)
      assert.equal((await inviter.ended()).signal, 'SIGKILL')
      await inviter.start()
      await paired(inviter, constant)
      await inviter.stop()
    })
  }

  for (const [point, what] of chosen(JOINER_POINTS)) {
    it(`comes to its end when the joiner is killed once ${what}`, async () => {
      const joiner = await node(`joiner-${++made}`)
      await joiner.startUntil(point)
      const link = await inviteFrom(constant, joiner.name)
      // It may be dead before it has answered.
      await join(joiner, link).catch(() => undefined)
      assert.equal((await joiner.ended()).signal, 'SIGKILL')
      await joiner.start()
      await paired(constant, joiner)
      await joiner.stop()
    })
  }
})

async function inviteFrom(inviter: LiveNode, name: string): Promise<string> {
  const init = { name, allow: ['ping' as const, 'ask' as const], ttlSeconds: 3_600 }
  return (await inviter.client.call('invite', init)).link
}

async function join(joiner: LiveNode, link: string): Promise<JoinReport> {
  return await joiner.client.call('join', { link, allow: ['ping', 'ask'] })
}

/** Both have pinned each other once, with the same words, and calls go through in both directions. */
async function paired(inviter: LiveNode, joiner: LiveNode): Promise<void> {
  const words = await eventually(async () => {
    const { joins } = await joiner.client.call('invites', {})
    const joined = joins.find(({ id }) => id === inviter.id)
    assert.equal(joined?.state, 'paired')
    return joined.paired?.words
  })
  const { invites } = await inviter.client.call('invites', {})
  const used = invites.find((invite) => invite.used?.by === joiner.id)
  assert.deepEqual(used?.used?.words, words)
  for (const [one, other] of [
    [inviter, joiner],
    [joiner, inviter],
  ] as const) {
    const pins = (await one.client.call('peers', {})).filter(({ id }) => id === other.id)
    assert.deepEqual(
      pins.map(({ addresses, allow, confirmed, name }) => [name, addresses, allow, confirmed]),
      [[other.name, [other.address], ['ping', 'ask'], 'link']],
    )
    await eventually(() => one.client.call('ping', { name: other.name }))
  }
}
