import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { dirname } from 'node:path'
import { failed } from '../../../src/node/asks/run-engine.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { stream, testControls } from '../../helpers/control.ts'
import type { TestControl } from '../../helpers/control.ts'
import { aborted } from '../../helpers/stub-agent.ts'

const ASK = askId(1)

describe('a control server', () => {
  const controls = testControls()
  let control: TestControl

  beforeEach(() => {
    control = controls()
  })

  describe('streams an answer', () => {
    const final = { type: 'final', final: failed('cancelled') } as const
    const event = (seq: number) =>
      ({ type: 'event', seq, body: { kind: 'text', text: `piece ${seq}\n\nü` } }) as const

    it('item by item, each with its number, and then the final', async () => {
      control.does.set('askEvents', () => stream([event(1), event(2), final]))
      const items = await Array.fromAsync(control.client.askEvents({ ask: ASK }))
      assert.deepEqual(items, [event(1), event(2), final])
      const { text } = await control.raw('GET', `/v1/asks/${ASK}/events`)
      assert.deepEqual(text.match(/^id: .*$/gm), ['id: 1', 'id: 2'])
    })

    it('from where the reader was', async () => {
      const all = [1, 2, 3, 4].map(event)
      control.does.set('askEvents', (input) => {
        const { after = 0 } = input as { after?: number }
        return stream([...all.slice(after), final])
      })
      const items = await Array.fromAsync(control.client.askEvents({ ask: ASK, after: 3 }))
      assert.deepEqual(items, [event(4), final])
    })

    it('without a final when something breaks in the middle', async () => {
      control.does.set('askEvents', () =>
        stream([event(1)], () => Promise.reject(new Error('broken'))),
      )
      assert.deepEqual(await Array.fromAsync(control.client.askEvents({ ask: ASK })), [event(1)])
    })

    it('or says why there is none', async () => {
      control.does.set('askEvents', () => {
        throw new KithError('unknown-ask', 'no such ask', { ask: ASK })
      })
      const reading = Array.fromAsync(control.client.askEvents({ ask: ASK }))
      await assert.rejects(reading, { code: 'unknown-ask' })
    })

    it('for as long as the reader is there', async () => {
      const gone = Promise.withResolvers<undefined>()
      control.does.set('askEvents', (_, signal) =>
        stream([event(1)], async () => {
          await aborted(signal)
          gone.resolve(undefined)
        }),
      )
      const stop = new AbortController()
      const reader = control.client.askEvents({ ask: ASK }, stop.signal)
      assert.deepEqual((await reader.next()).value, event(1))
      stop.abort()
      await assert.rejects(reader.next())
      await gone.promise
    })
  })

  describe('has a socket', () => {
    it('that our own user alone can open, in a folder that is closed to others', async () => {
      const { mode } = await stat(control.socket)
      assert.equal(mode & 0o777, 0o600)
      assert.equal((await stat(dirname(control.socket))).mode & 0o077, 0)
    })

    it('in the place of one that a process left that was killed', async () => {
      await control.server.stop()
      const left = `${control.socket}.left`
      const dead = createServer()
      await new Promise<void>((resolve) => {
        dead.listen(left, resolve)
      })
      await rename(left, control.socket)
      await new Promise((resolve) => dead.close(resolve))
      assert.ok((await stat(control.socket)).isSocket())
      await control.server.start()
      await control.client.call('status', {})
    })

    for (const [name, put] of [
      ['a file', (path: string) => writeFile(path, 'mine')],
      ['a folder', (path: string) => mkdir(path)],
      ['a link', (path: string) => symlink('/tmp', path)],
    ] as const) {
      it(`and not in the place of ${name}`, async () => {
        await control.server.stop()
        await put(control.socket)
        const starting = control.make().start()
        await assert.rejects(starting, { code: 'unsafe-file', hint: /move .* away/ })
      })
    }
  })

  describe('stops', () => {
    it('at once, streams and idle clients or not', async () => {
      control.does.set('askEvents', (_, signal) => stream([], () => aborted(signal)))
      const reading = Array.fromAsync(control.client.askEvents({ ask: ASK }))
      while (control.calls.length === 0) await new Promise(setImmediate)
      const begun = performance.now()
      await control.server.stop()
      assert.deepEqual(await reading, [])
      assert.ok(performance.now() - begun < 2_000)
      await assert.rejects(control.client.call('status', {}), { code: 'daemon-not-running' })
    })

    it('when what is under way has been answered', async () => {
      const { promise, resolve } = Promise.withResolvers<object>()
      control.does.set('status', () => promise)
      const reading = control.client.call('status', {})
      while (control.calls.length === 0) await new Promise(setImmediate)
      const stopping = control.server.stop()
      resolve({ id: 'kith1x' })
      assert.deepEqual(await reading, { id: 'kith1x' })
      await stopping
    })

    it('though a client has sent half a call and keeps the rest', async () => {
      const client = connect(control.socket)
      const closed = once(client, 'close')
      client.write('POST /v1/asks HTTP/1.1\r\nhost: node\r\ncontent-length: 99\r\n\r\n{"peer":')
      // The server reads in order: once it has answered another, it has the half.
      await control.client.call('status', {})
      await control.server.stop()
      await closed
    })
  })
})
