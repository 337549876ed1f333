import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FrameWriter } from '../../src/node/frame-writer.ts'
import { FrameDecoder, encodeFrame } from '../../src/protocol/frame.ts'
import {
  DRAIN_TIMEOUT_MS,
  MAX_FRAME_BYTES,
  MAX_LINK_BACKLOG_BYTES,
} from '../../src/protocol/limits.ts'
import { settle } from '../helpers/memory-channel.ts'
import { hex } from '../vectors/seeds.ts'

describe('frame writer', () => {
  let sent: string[]
  /** False while the channel is full. */
  let takes: boolean
  let writer: FrameWriter

  beforeEach(() => {
    sent = []
    takes = true
    writer = new FrameWriter((bytes) => {
      sent.push(hex(bytes))
      return takes
    })
  })

  function write(...bodies: number[]): void {
    for (const body of bodies) writer.write(Uint8Array.of(body))
  }

  it('sends the first frame of a tick at once', () => {
    write(1)
    assert.deepEqual(sent, ['0101'])
  })

  it('sends the others of a tick together, at its end', async () => {
    write(1, 2, 3)
    assert.deepEqual(sent, ['0101'])
    await settle()
    assert.deepEqual(sent, ['0101', '01020103'])
  })

  it('sends the first of the next tick at once again', async () => {
    write(1)
    await settle()
    write(2, 3)
    assert.deepEqual(sent, ['0101', '0102'])
  })

  it('sends nothing while the channel is full, and all of it when it drains', async () => {
    takes = false
    write(1, 2)
    await settle()
    write(3)
    await settle()
    assert.deepEqual(sent, ['0101'])
    takes = true
    writer.onDrain()
    assert.deepEqual(sent, ['0101', '01020103'])
  })

  it('waits again when the channel is full again', async () => {
    takes = false
    write(1, 2)
    writer.onDrain()
    write(3)
    assert.deepEqual(sent, ['0101', '0102'])
    takes = true
    writer.onDrain()
    await settle()
    assert.deepEqual(sent, ['0101', '0102', '0103'])
  })

  it('gives those who would write more a promise of the drain, and none while there is room', async () => {
    assert.equal(writer.drained(), undefined)
    takes = false
    write(1)
    const drained = writer.drained()
    assert.ok(drained !== undefined)
    takes = true
    writer.onDrain()
    await drained
    assert.equal(writer.drained(), undefined)
  })

  it('lets those go who wait when it is closed, and throws away what waits', async () => {
    takes = false
    write(1, 2)
    const drained = writer.drained()
    writer.close()
    await drained
    writer.onDrain()
    assert.deepEqual(sent, ['0101'])
  })

  it('does not care about a drain of a channel that was not full', () => {
    writer.onDrain()
    write(1)
    assert.deepEqual(sent, ['0101'])
  })

  it('refuses a frame that no peer would take, and goes on as if it had not been', async () => {
    assert.throws(() => {
      writer.write(new Uint8Array(MAX_FRAME_BYTES + 1))
    }, TypeError)
    write(1, 2)
    await settle()
    assert.deepEqual(sent, ['0101', '0102'])
  })

  it('is overfull when more waits in a full channel than the limit, and not at it', () => {
    const body = new Uint8Array(MAX_LINK_BACKLOG_BYTES / 8)
    const frame = encodeFrame(body).byteLength
    takes = false
    write(0)
    for (let i = 0; i < 7; i++) writer.write(body)
    writer.write(new Uint8Array(MAX_LINK_BACKLOG_BYTES - 7 * frame - 3))
    assert.equal(writer.overfull, false)
    write(0)
    assert.equal(writer.overfull, true)
  })

  it('is not overfull by what one tick writes to a channel that takes it', () => {
    for (let i = 0; i < 9; i++) writer.write(new Uint8Array(MAX_FRAME_BYTES / 2))
    assert.equal(writer.overfull, false)
  })

  it('is stalled when the channel has been full for so long, and not a millisecond earlier', () => {
    assert.equal(writer.stalled(0), false)
    takes = false
    write(1)
    assert.equal(writer.stalled(1_000), false)
    assert.equal(writer.stalled(1_000 + DRAIN_TIMEOUT_MS - 1), false)
    assert.equal(writer.stalled(1_000 + DRAIN_TIMEOUT_MS), true)
  })

  it('is not stalled by a channel that drains now and then', () => {
    takes = false
    write(1, 2)
    assert.equal(writer.stalled(0), false)
    writer.onDrain()
    assert.equal(writer.stalled(DRAIN_TIMEOUT_MS), false)
    assert.equal(writer.stalled(2 * DRAIN_TIMEOUT_MS), true)
  })

  it('loses and reorders nothing, whatever is written and whenever the channel fills', async () => {
    const step = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.constantFrom('fill' as const, 'drain' as const, 'tick' as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const decoder = new FrameDecoder()
        const read: string[] = []
        let full = false
        const tested = new FrameWriter((bytes) => {
          assert.equal(full, false, 'written to a full channel')
          for (const body of decoder.push(bytes)) read.push(hex(body))
          full = fill
          return !full
        })
        const drain = (): void => {
          full = false
          tested.onDrain()
        }
        let fill = false
        for (const item of steps) {
          if (item === 'fill') fill = true
          else if (item === 'tick') await settle(1)
          else if (item === 'drain') {
            fill = false
            drain()
          } else tested.write(item)
        }
        fill = false
        drain()
        await settle(2)
        const written = steps.filter((item) => item instanceof Uint8Array)
        assert.deepEqual(read, written.map(hex))
      }),
      { numRuns: 300 },
    )
  })
})
