import assert from 'node:assert/strict'
import { identityOf } from '../../src/node/identity.ts'
import type { Self } from '../../src/node/self.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { begin, recover, retire, rotate } from '../helpers/key-branch.ts'
import { idOfBranch, keyOf, selfOf } from '../helpers/test-pins.ts'

describe('this node to itself', () => {
  const first = begin('node')
  const second = rotate(first, 'second')
  const third = rotate(second, 'third')
  const stolen = rotate(first, 'stolen')
  const recovered = recover(first, 'recovered')
  let self: Self
  let told: (readonly Uint8Array[])[]

  beforeEach(() => {
    start(second)
  })

  function start(own: Branch): void {
    self = selfOf(own)
    told = []
    self.onAhead((log) => told.push(log))
  }

  function follow(branch: Branch): void {
    self.follow(identityOf(branch.events, branch.seed))
  }

  it('has the id, the key, the secret and the log of its identity', () => {
    assert.equal(self.id, idOfBranch(first))
    assert.equal(self.key, keyOf(second))
    assert.equal(self.secret, second.seed)
    assert.equal(self.events, second.events)
    assert.equal(self.state.sn, 1)
    assert.equal(self.words.length, 4)
  })

  it('goes on with another key and a longer log, under the same id', () => {
    const { id, words } = self
    follow(third)
    assert.deepEqual([self.id, self.words], [id, words])
    assert.deepEqual([self.key, self.secret], [keyOf(third), third.seed])
    assert.deepEqual([self.events, self.state.sn], [third.events, 2])
  })

  it('never goes on as another node', () => {
    assert.throws(() => {
      follow(begin('other'))
    }, TypeError)
    assert.equal(self.key, keyOf(second))
  })

  const ahead: [name: string, own: Branch, shown: Branch][] = [
    ['goes on after the one here', second, third],
    ['was rotated by somebody else', second, stolen],
    ['was recovered', second, recovered],
    ['has ended', second, retire(second)],
  ]
  for (const [name, own, shown] of ahead) {
    it(`tells of a log of its own that ${name}`, () => {
      start(own)
      self.observe(shown.events)
      assert.deepEqual(told, [shown.events])
    })
  }

  const quiet: [name: string, own: Branch, shown: Uint8Array[]][] = [
    ['is the one here', second, second.events],
    ['is an older copy', second, first.events],
    ['its recovery key has undone', recovered, stolen.events],
    ['is of another node', second, begin('other').events],
    ['is empty', second, []],
    ['is not signed', second, third.events.map((event, sn) => (sn < 2 ? event : spoiled(event)))],
    ['is none', second, [Uint8Array.of(0xff)]],
  ]
  for (const [name, own, shown] of quiet) {
    it(`tells nobody of a log that ${name}`, () => {
      start(own)
      self.observe(shown)
      assert.deepEqual(told, [])
    })
  }

  it('tells nobody of a log that it has followed meanwhile', () => {
    follow(third)
    self.observe(third.events)
    assert.deepEqual(told, [])
  })

  it('tells nobody who has left', () => {
    let heard = 0
    const leave = self.onAhead(() => heard++)
    self.observe(third.events)
    leave()
    self.observe(third.events)
    assert.equal(heard, 1)
  })
})

function spoiled(event: Uint8Array): Uint8Array {
  return event.map((byte, at) => (at === event.byteLength - 1 ? byte ^ 1 : byte))
}
