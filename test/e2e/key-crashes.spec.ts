import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { rotateHere } from '../helpers/key-homes.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

/** Where the node is killed that has pinned the other. Its first write of a key log is that of the first contact. */
const POINTS: [point: string, what: string][] = [
  ['before:key-logs:2', 'the longer log has come'],
  ['before:alerts:1', 'the alert is to be written'],
  ['after:alerts:1', 'the alert is written'],
  ['after:key-logs:2', 'the longer log is written'],
]

const ROTATION = { why: 'routine', graceSeconds: 3_600 } as const

describe('a node that is killed when the keys of a peer change', () => {
  const make = liveNodes()
  let made = 0

  /** A node, and one for each of these points that has pinned it and been pinned by it, and kills itself there. */
  async function linked(...points: string[]): Promise<[changing: LiveNode, ...killed: LiveNode[]]> {
    const changing = await make(`changing-${++made}`)
    const killed = await Promise.all(points.map((_, nth) => make(`killed-${made}-${nth}`)))
    for (const { home } of [changing, ...killed]) {
      await appendFile(home.config, 'lobby: { per_minute: 100, per_address_per_minute: 100 }\n')
    }
    for (const node of killed) {
      await changing.pin(node, { allow: ['ping'] })
      await node.pin(changing, { allow: ['ping'] })
    }
    await Promise.all(killed.map((node, nth) => node.startUntil(points[nth] ?? '')))
    await changing.start()
    await Promise.all(killed.map((node) => changing.linkedTo(node)))
    return [changing, ...killed]
  }

  /** What it tells its owner of, once its pin has followed. */
  async function told(
    killed: LiveNode | undefined,
    changing: LiveNode,
    state: string,
  ): Promise<string[]> {
    assert.ok(killed)
    assert.equal((await killed.ended()).signal, 'SIGKILL')
    await killed.start()
    return await eventually(async () => {
      const keys = await killed.client.call('peerKeys', { name: changing.name })
      assert.equal(keys.log.length + keys.conflict.length, state === 'frozen' ? 3 : 2)
      const alerts = await killed.client.call('alerts', {})
      return alerts.map(({ count, kind }) => `${count} ${kind}`)
    })
  }

  describe('by a rotation', () => {
    let changing: LiveNode
    let killed: LiveNode[]

    before(async () => {
      ;[changing, ...killed] = await linked(...POINTS.map(([point]) => point))
      await changing.client.call('rotate', ROTATION)
    })
    after(() => changing.kill())

    for (const [nth, [, what]] of POINTS.entries()) {
      it(`tells of it once, when ${what}`, async () => {
        assert.deepEqual(await told(killed[nth], changing, 'in-force'), ['1 peer-rotated'])
        await killed[nth]?.kill()
      })
    }
  })

  it('tells of a recovery once, when the longer log is written', async () => {
    const [changing, killed] = await linked('after:key-logs:2')
    const protection = { clear: true } as const
    const { recovery: words } = changing.words
    await changing.client.call('prepareRecovery', { words, protection })
    await changing.client.call('commitRecovery', {})
    assert.deepEqual(await told(killed, changing, 'in-force'), ['1 peer-recovered'])
    await Promise.all([changing.kill(), killed?.kill()])
  })

  it('tells of a freeze once, when the other branch is written', async () => {
    const [changing, killed] = await linked('after:key-logs:3')
    const thief = await changing.stolen(`thief-${made}`)
    try {
      await rotateHere(thief.home.path)
      await changing.client.call('rotate', ROTATION)
      await thief.start()
      assert.deepEqual(await told(killed, changing, 'frozen'), ['1 peer-rotated', '1 peer-frozen'])
    } finally {
      await Promise.all([changing.kill(), killed?.kill(), thief.kill()])
    }
  })
})
