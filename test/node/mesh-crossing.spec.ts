import assert from 'node:assert/strict'
import type { Link } from '../../src/node/link.ts'
import { eventually } from '../helpers/eventually.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'

const ROUNDS = 20

describe('two nodes that dial each other at once', () => {
  const start = testMeshes()
  let a: TestMesh
  let b: TestMesh

  beforeEach(async () => {
    a = await start('anna', { peers: ['bert'] })
    b = await start('bert', { peers: ['anna'] })
  })

  /** The link that both sides hold, once no other one is left. */
  async function settled(links: Link[]): Promise<[Link, Link]> {
    return await eventually(() => {
      const [own, other] = [a.links.get('kith1bert'), b.links.get('kith1anna')]
      assert.ok(own !== undefined && other !== undefined, 'both have a link')
      assert.notEqual(own.outbound, other.outbound, 'it is the same one')
      for (const link of links) assert.ok(link.over || link === own || link === other)
      return [own, other]
    })
  }

  for (let round = 1; round <= ROUNDS; round++) {
    it(`end with one link, time ${round}`, async () => {
      const dials = await Promise.allSettled([a.dial('bert', b.address), b.dial('anna', a.address)])
      const links = dials.flatMap((dial) => (dial.status === 'fulfilled' ? [dial.value] : []))
      assert.ok(links.length > 0)
      for (const link of await settled(links)) await ping(link)
    })
  }
})
