import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, readdir, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { keyInUsePath } from '../helpers/key-paths.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

/** What a node that did not start said of it. */
interface Refusal {
  code: string
  message: string
  details: Record<string, unknown>
  hint?: string
}

async function refusalOf(node: LiveNode, passphrase?: string): Promise<Refusal> {
  const { code, stderr } = await node.launch(passphrase)
  assert.equal(code, 1)
  return JSON.parse(stderr) as Refusal
}

describe('the process of a node', () => {
  const make = liveNodes()

  describe('that runs', () => {
    let node: LiveNode

    before(async () => {
      node = await make('node')
      await node.start()
    })
    after(() => node.kill())

    it('has a home, a store and a control socket that are closed to others', async () => {
      const modes = [
        node.home.path,
        node.home.store,
        node.home.socket,
        join(node.home.path, 'keys'),
      ]
      const stats = await Promise.all(modes.map((path) => stat(path)))
      assert.deepEqual(
        stats.map(({ mode }) => mode & 0o777),
        [0o700, 0o700, 0o600, 0o700],
      )
    })

    it('lets an ask come to its end before it stops', async () => {
      const ask = await node.submit('self', 'count 30')
      const { code } = await node.stop()
      assert.equal(code, 0)
      await node.start()
      const { final, seqs } = await node.answer(ask)
      assert.deepEqual([final.outcome, seqs.length], ['done', 30])
    })

    it('ends at once at the second signal, and says of its ask what became of it', async () => {
      const ask = await node.submit('self', 'count 1000')
      const { mark } = node.log
      node.signal('SIGTERM')
      await node.logLine(({ msg }) => msg === 'stopping', mark)
      assert.equal((await node.end('SIGTERM')).code, 130)
      await node.start()
      const { final } = await node.answer(ask)
      assert.deepEqual(final, { outcome: 'failed', code: 'interrupted', details: {} })
    })

    it('ends by command once a peer has the end of its answer, and leaves the home to the next', async () => {
      const asker = await make('asker')
      await asker.pin(node)
      await node.pin(asker, { allow: ['ask'], addresses: [] })
      await asker.start()
      await asker.linkedTo(node)
      const ask = await asker.submit(node, 'count 30')
      const stopped = node.client.call('stop', {})
      const { final, seqs } = await asker.answer(ask)
      assert.deepEqual([final.outcome, seqs.length], ['done', 30])
      await stopped
      assert.deepEqual(await node.ended(), { code: 0, signal: null, stderr: '' })
      await assert.rejects(node.status(), { code: 'daemon-not-running' })
      await asker.kill()
      await node.start()
    })

    it('is named to a second one that wants the same home', async () => {
      const pid = node.pid
      const { code, details, hint, message } = await refusalOf(node)
      assert.deepEqual([code, details], ['locked', { home: node.home.path, pid }])
      assert.match(message, new RegExp(`process ${pid}, since 20`))
      assert.equal(hint, 'kith stop')
      assert.equal((await node.status()).pid, pid)
      // The other one is the node's process now.
      process.kill(pid, 'SIGKILL')
    })
  })

  describe('that starts', () => {
    it('refuses a key that others can read', async () => {
      const node = await make('open-key')
      const key = await keyInUsePath(node.home.path)
      await chmod(key, 0o644)
      const { code, hint } = await refusalOf(node)
      assert.deepEqual([code, hint], ['unsafe-file', `chmod 600 ${key}`])
    })

    for (const missing of ['its key in use', 'identity.json']) {
      it(`refuses a home without ${missing}, and makes no new one`, async () => {
        const node = await make(missing.replaceAll(/\W/g, '-'))
        const { path } = node.home
        await rm(missing === 'identity.json' ? join(path, missing) : await keyInUsePath(path))
        const before = await readdir(node.home.path, { recursive: true })
        const { code } = await refusalOf(node)
        assert.equal(code, missing === 'identity.json' ? 'no-identity' : 'corrupt')
        assert.deepEqual(await readdir(node.home.path, { recursive: true }), before)
      })
    }

    it('refuses a home that others can enter', async () => {
      const node = await make('open-home')
      await chmod(node.home.path, 0o755)
      const { code, hint } = await refusalOf(node)
      assert.deepEqual([code, hint], ['unsafe-file', `chmod 700 ${node.home.path}`])
    })

    it('wants the passphrase, and the right one', async () => {
      const node = await make('sealed', { protection: { passphrase: 'correct horse' } })
      const refusals = [await refusalOf(node), await refusalOf(node, 'battery staple')]
      assert.deepEqual(
        refusals.map(({ code, details }) => [code, details]),
        [
          ['passphrase', { given: false }],
          ['passphrase', { given: true }],
        ],
      )
      await node.start('correct horse')
      await node.kill()
    })

    it('says which address it cannot have', async () => {
      const holder = createServer().listen(0, '127.0.0.1')
      await once(holder, 'listening')
      const { port } = holder.address() as AddressInfo
      const node = await make('late', { address: `/ip4/127.0.0.1/tcp/${port}` })
      const { code, message } = await refusalOf(node)
      assert.equal(code, 'cannot-listen')
      assert.match(message, /EADDRINUSE/)
      holder.close()
    })

    it('listens on its unix socket again after it was killed', async () => {
      const folder = (await make('folder')).home.path
      const address = `/unix/${encodeURIComponent(join(folder, 'node.sock'))}`
      const node = await make('unix', { address })
      await node.start()
      await node.kill()
      await node.start()
      assert.deepEqual((await node.status()).listening, [address])
      await node.kill()
    })
  })
})
