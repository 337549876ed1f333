import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { rotateHere } from '../helpers/key-homes.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'

/** Where the node is killed that has pinned the other. Its first write of a key log is that of the first contact. */
const POINTS: [point: string, what: string][] = [
  ['before:key-logs:2', 'the longer log has come'],
  ['before:alerts:1', 'the alert is to be written'],
  ['after:alerts:1', 'the alert is written'],
  ['after:key-logs:2', 'the longer log is written'],
]

describe('a node that is killed when the keys of a peer change', () => {
  const make = liveNodes()
  let made = 0

  /** Two nodes that have pinned each other. The second one kills itself at this point. */
  async function pair(point: string): Promise<[changing: LiveNode, killed: LiveNode]> {
    const nodes = [await make(`changing-${++made}`), await make(`killed-${made}`)] as const
    const [changing, killed] = nodes
    for (const { home } of nodes) {
      await appendFile(home.config, 'lobby: { per_minute: 100, per_address_per_minute: 100 }\n')
    }
    await changing.pin(killed, { allow: ['ping'] })
    await killed.pin(changing, { allow: ['ping'] })
    await killed.startUntil(point)
    await changing.start()
    await changing.linkedTo(killed)
    return [changing, killed]
  }

  /** What it tells its owner of, once its pin has followed. */
  async function told(killed: LiveNode, changing: LiveNode, state: string): Promise<string[]> {
    assert.equal((await killed.ended()).signal, 'SIGKILL')
    await killed.start()
    return await eventually(async () => {
      const keys = await killed.client.call('peerKeys', { name: changing.name })
      assert.equal(keys.log.length + keys.conflict.length, state === 'frozen' ? 3 : 2)
      const alerts = await killed.client.call('alerts', {})
      return alerts.map(({ count, kind }) => `${count} ${kind}`)
    })
  }

  for (const [point, what] of POINTS) {
    it(`tells of a rotation once, when ${what}`, async () => {
      const [changing, killed] = await pair(point)
      await kith(changing, 'key', 'rotate', '--grace', '1h')
      assert.deepEqual(await told(killed, changing, 'in-force'), ['1 peer-rotated'])
      await Promise.all([changing.stop(), killed.stop()])
    })
  }

  it('tells of a recovery once, when the longer log is written', async () => {
    const [changing, killed] = await pair('after:key-logs:2')
    const { code } = await kithWith(
      changing,
      `${changing.words.recovery}\n`,
      ...['key', 'recover', '--clear', '--yes'],
    )
    assert.equal(code, 0)
    assert.deepEqual(await told(killed, changing, 'in-force'), ['1 peer-recovered'])
    await Promise.all([changing.stop(), killed.stop()])
  })

  it('tells of a freeze once, when the other branch is written', async () => {
    const [changing, killed] = await pair('after:key-logs:3')
    const thief = await changing.stolen(`thief-${made}`)
    try {
      await rotateHere(thief.home.path)
      await kith(changing, 'key', 'rotate')
      await thief.start()
      assert.deepEqual(await told(killed, changing, 'frozen'), ['1 peer-rotated', '1 peer-frozen'])
    } finally {
      await Promise.all([changing.stop(), killed.stop(), thief.kill()])
    }
  })
})
