import assert from 'node:assert/strict'
import { isFailure } from '../../src/protocol/errors.ts'
import { settle } from '../helpers/memory-channel.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { A, B, BERT, C, testDialers } from '../helpers/test-dialer.ts'
import type { TestDialer } from '../helpers/test-dialer.ts'

describe('a dialer', () => {
  const all = testDialers()
  let test: TestDialer

  beforeEach(() => {
    test = all()
  })

  describe('asked for a link', () => {
    it('gives the one that is up', async () => {
      const link = test.links.up(BERT, false)
      await test.start()
      assert.equal(await test.dialer.connect(BERT), link)
      assert.deepEqual(test.tried(), [])
    })

    it('joins the attempt that is under way', async () => {
      let answer = (): void => undefined
      test.mesh.dial = async () => {
        test.mesh.tried.push('dial')
        await new Promise<void>((resolve) => {
          answer = resolve
        })
        return test.links.up(BERT)
      }
      await test.start()
      const asked = [test.dialer.connect(BERT), test.dialer.connect(BERT)]
      await settle()
      assert.deepEqual(test.tried(), ['dial'])
      answer()
      const [first, second] = await Promise.all(asked)
      assert.equal(first, second)
      assert.equal(first, test.links.get(BERT.id))
    })

    it('does not wait for the next attempt that is due', async () => {
      await test.start()
      test.tried()
      test.mesh.at.set(A, BERT)
      assert.equal(await test.dialer.connect(BERT), test.links.get(BERT.id))
      assert.deepEqual(test.tried(), [`dial ${A}`])
    })

    it('says that nobody is there, and why', async () => {
      await test.start()
      const reason = 'connect ECONNREFUSED; connect ECONNREFUSED'
      await assert.rejects(test.dialer.connect(BERT), {
        code: 'unreachable',
        details: { peer: 'bert', reason },
      })
    })

    it('says so when its time is over, and lets the attempt go on', async () => {
      test.mesh.at.set(A, 'silence')
      await test.start()
      const stop = new AbortController()
      const asked = test.dialer.connect(BERT, stop.signal)
      await settle()
      stop.abort()
      const details = { peer: 'bert', reason: 'no connection in time' }
      await assert.rejects(asked, { code: 'unreachable', details })
      assert.equal(test.mesh.underWay, 1)
    })

    it('of a peer without an address says what to type', async () => {
      await test.start(peerOf('carol'))
      await assert.rejects(test.dialer.connect(peerOf('carol')), {
        code: 'unreachable',
        hint: /kith peers set-address carol/,
      })
    })
  })

  describe('that stops', () => {
    it('gives up what is under way, and leaves no timer', async () => {
      test.mesh.at.set(A, 'silence')
      await test.start()
      const asked = test.dialer.connect(BERT)
      await Promise.all([
        assert.rejects(asked, (err) => isFailure(err, 'unreachable')),
        test.dialer.stop(),
      ])
      assert.equal(test.mesh.underWay, 0)
      assert.deepEqual(test.tried(), [`dial ${A}`])
      await test.pass(3_600_000)
      assert.deepEqual(test.tried(), [])
    })

    it('waits for an attempt that was asked for while it waited itself', async () => {
      let ended = false
      await test.start()
      test.mesh.dial = async (_peer, _address, signal) => {
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve)
        })
        await settle(3)
        ended = true
        throw new Error('given up')
      }
      const asked = test.dialer.connect(BERT)
      asked.catch(() => undefined)
      await settle()
      await test.dialer.stop()
      assert.equal(ended, true)
    })

    it('dials no more, whatever pins and links do', async () => {
      test.mesh.at.set(A, BERT)
      await test.start()
      test.tried()
      await test.dialer.stop()
      test.links.down(BERT)
      test.pins.set([peerOf('carol', { addresses: [C] })])
      await test.pass(3_600_000)
      assert.deepEqual(test.tried(), [])
    })

    it('can start again', async () => {
      await test.start()
      await test.dialer.stop()
      test.tried()
      await test.start()
      assert.deepEqual(test.tried(), [`dial ${A}`, `dial ${B}`])
    })
  })
})
