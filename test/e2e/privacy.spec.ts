import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { keyInUsePath } from '../helpers/key-paths.ts'
import { liveNodes } from '../helpers/live-node.ts'

const CANARY = 'canary-9f2c'
const PASSPHRASE = 'correct horse battery staple'

describe('the log of a node', () => {
  const make = liveNodes()

  it('holds no key, no passphrase and nothing that was asked or answered, at its most talkative', async () => {
    const [alice, bob] = [
      await make('alice'),
      await make('bob', { protection: { passphrase: PASSPHRASE } }),
    ]
    const key = JSON.parse(await readFile(await keyInUsePath(alice.home.path), 'utf8')) as {
      secret: string
    }
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ask'], addresses: [], ask: { preset: 'write' } })
    await bob.start(PASSPHRASE)
    await alice.start()
    await alice.linkedTo(bob)
    for (const text of ['echo', 'remember', 'recall', 'no such command', 'read']) {
      await alice.ask(bob, `${text} ${CANARY}`)
      await alice.ask('self', `${text} ${CANARY}`)
    }
    await assert.rejects(alice.client.call('ping', { name: 'bob' }), { code: 'denied' })
    await alice.kill()
    await alice.start()
    await Promise.all([alice.stop(), bob.stop()])
    const log = JSON.stringify([alice.log.lines, bob.log.lines])
    assert.match(log, /"level":"debug"/)
    for (const secret of [CANARY, PASSPHRASE, key.secret]) assert.ok(!log.includes(secret), secret)
  })
})
