import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Link } from '../../src/node/link.ts'
import { LIVENESS_INTERVAL_MS, LIVENESS_MISSES } from '../../src/protocol/limits.ts'
import { eventually } from '../helpers/eventually.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

const RUN_MESH = fileURLToPath(new URL('../helpers/run-mesh.ts', import.meta.url))

/** The first interval after a byte is not quiet, so one more than the misses goes by. */
const TOLERATED_INTERVALS = LIVENESS_MISSES + 1

describe('a link on which nothing comes', () => {
  const start = testMeshes()
  let clock: ManualClock
  let anna: TestMesh

  beforeEach(async () => {
    clock = new ManualClock()
    anna = await start('anna', { peers: ['bert'], clock, listen: [] })
  })

  function beats(intervals: number): void {
    for (let beat = 0; beat < intervals; beat++) clock.advance(LIVENESS_INTERVAL_MS)
  }

  describe('because the other process is stopped', () => {
    let child: ChildProcess
    let link: Link

    beforeEach(async () => {
      child = spawn(process.execPath, [RUN_MESH, 'bert', 'anna'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer]
      link = await anna.dial('bert', line.toString().trim())
      await ping(link)
      child.kill('SIGSTOP')
    })
    afterEach(async () => {
      child.kill('SIGKILL')
      await once(child, 'close')
    })

    it(`stays for ${TOLERATED_INTERVALS} intervals, and carries on when it wakes`, async () => {
      beats(TOLERATED_INTERVALS)
      assert.equal(link.over, false)
      const answered = ping(link)
      child.kill('SIGCONT')
      await answered
      beats(TOLERATED_INTERVALS)
      assert.equal(link.over, false)
    })

    it('ends after one more', async () => {
      beats(TOLERATED_INTERVALS + 1)
      assert.match((await link.closed).message, /the peer is silent/)
      assert.equal(anna.links.size, 0)
    })
  })

  describe('through a network that may fail', () => {
    let proxy: TcpProxy

    beforeEach(async () => {
      const bert = await start('bert', { peers: ['anna'] })
      proxy = await TcpProxy.to(bert.port)
    })
    afterEach(() => proxy.stop())

    it('is kept up by pings while the network is there', async () => {
      const link = await anna.dial('bert', proxy.address)
      for (let time = 0; time < 3 * TOLERATED_INTERVALS; time++) {
        const before = proxy.bytes.back
        // One interval in which something was heard, and one that is quiet and is followed by a ping.
        beats(2)
        await eventually(() => {
          assert.ok(proxy.bytes.back > before)
        })
      }
      assert.equal(link.over, false)
    })

    it('ends when the network swallows all, and is made anew when it is back', async () => {
      const link = await anna.dial('bert', proxy.address)
      await ping(link)
      proxy.blackHole()
      const patient = { deadlineMs: 3_600_000 }
      const call = link.call('ping', { nonce: new Uint8Array(8) }, patient)
      const lost = assert.rejects(call, { code: 'connection-lost' })
      beats(TOLERATED_INTERVALS + 1)
      await lost
      assert.equal(anna.links.size, 0)
      await ping(await anna.dial('bert', proxy.address))
    })
  })
})
