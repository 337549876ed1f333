import assert from 'node:assert/strict'
import { appendFile, readFile } from 'node:fs/promises'
import type { KeyReport } from '../../src/node/control/api.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

const NAMES = ['amy', 'ben', 'cat', 'dan', 'eve']

describe('a mesh of five processes', () => {
  const make = liveNodes()
  let nodes: LiveNode[]
  let pinTexts: string[]

  before(async () => {
    nodes = await Promise.all(NAMES.map((name) => make(name)))
    // They are five behind one address here, which elsewhere would meet one after the other.
    const lobby = 'lobby: { per_minute: 100, per_address_per_minute: 100 }\n'
    for (const { home } of nodes) await appendFile(home.config, lobby)
    for (const node of nodes) {
      for (const other of othersOf(node)) await node.pin(other, { allow: ['ping', 'ask'] })
    }
    await Promise.all(nodes.map((node) => node.start()))
    await Promise.all(nodes.flatMap((node) => othersOf(node).map((other) => node.linkedTo(other))))
    pinTexts = await Promise.all(nodes.map(pinTextOf))
  })
  function othersOf(node: LiveNode): LiveNode[] {
    return nodes.filter((other) => other !== node)
  }

  async function everybodyCallsEverybody(): Promise<void> {
    for (const node of nodes) {
      for (const other of othersOf(node)) {
        const { peer } = await node.client.call('ping', { name: other.name })
        assert.equal(peer, other.name)
      }
    }
  }

  async function keysOf(rotated: LiveNode): Promise<(string | undefined)[]> {
    const statuses = await Promise.all(othersOf(rotated).map((node) => node.status()))
    return statuses.map(({ peers }) => peers.find(({ id }) => id === rotated.id)?.key)
  }

  it('call each other again after one has rotated while two were away, with no human and no new pin', async () => {
    const [amy, , , dan, eve] = nodes as [LiveNode, LiveNode, LiveNode, LiveNode, LiveNode]
    const oldKey = (await amy.status()).key
    await Promise.all([dan.stop(), eve.stop()])
    const { report, state } = await rotated(amy, 'routine', 3_600)
    assert.equal(state, 'rotated')
    assert.notEqual(report.key, oldKey)
    assert.deepEqual(standingsOf(report), {
      ben: 'acknowledged',
      cat: 'acknowledged',
      dan: 'unseen',
      eve: 'unseen',
    })
    await Promise.all([dan.start(), eve.start()])
    await everybodyCallsEverybody()
    assert.deepEqual(new Set(await keysOf(amy)), new Set([report.key]))
    for (const { name } of othersOf(amy)) {
      await amy.logLine(({ msg, peer }) => msg === 'key log acknowledged' && peer === name)
    }
    assert.deepEqual(
      new Set(Object.values(standingsOf(await keyReport(amy)))),
      new Set(['acknowledged']),
    )
    assert.deepEqual(await Promise.all(nodes.map(pinTextOf)), pinTexts)
  })

  it('put a stolen key out everywhere at once, and go on with its owner', async () => {
    const [amy] = nodes as [LiveNode, ...LiveNode[]]
    const oldKey = (await amy.status()).key
    for (const node of othersOf(amy)) await node.client.call('ackAlerts', { alert: 'all' })
    const { report } = await rotated(amy, 'compromise', 0)
    await everybodyCallsEverybody()
    const keys = await keysOf(amy)
    assert.deepEqual(new Set(keys), new Set([report.key]))
    assert.ok(!keys.includes(oldKey))
    for (const node of othersOf(amy)) {
      const alerts = await node.client.call('alerts', {})
      assert.deepEqual(
        alerts.filter(({ seenAt }) => seenAt === undefined).map(({ kind, peer }) => [kind, peer]),
        [['peer-compromised', 'amy']],
      )
    }
  })
})

async function pinTextOf(node: LiveNode): Promise<string> {
  return await readFile(node.home.peers, 'utf8')
}

async function rotated(
  node: LiveNode,
  why: 'routine' | 'compromise',
  graceSeconds: number,
): Promise<{ state: 'rotated'; report: KeyReport }> {
  const outcome = await node.client.call('rotate', { why, graceSeconds })
  assert.ok(outcome.state === 'rotated')
  return outcome
}

async function keyReport(node: LiveNode): Promise<KeyReport> {
  return await node.client.call('key', {})
}

function standingsOf({ peers }: KeyReport): Record<string, string> {
  return Object.fromEntries(peers.map(({ peer, state }) => [peer, state]))
}
