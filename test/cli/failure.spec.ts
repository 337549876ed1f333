import assert from 'node:assert/strict'
import { AskFailed, Interrupted, reportFailure } from '../../src/cli/failure.ts'
import { RefusedByPeer } from '../../src/node/control/client.ts'
import { KithError } from '../../src/protocol/errors.ts'

function askFailed(peer: string, code: string, details = {}): AskFailed {
  return new AskFailed({ peer, code, details, ask: 'the-ask' })
}

describe('a failure is reported', () => {
  it('of our own node in its own words, with its hint', () => {
    const err = new KithError(
      'unknown-peer',
      'no peer is named bo',
      { name: 'bo' },
      { hint: 'kith peers list' },
    )
    assert.deepEqual(reportFailure(err), {
      error: {
        code: 'unknown-peer',
        message: 'no peer is named bo',
        details: { name: 'bo' },
        hint: 'kith peers list',
        fromPeer: false,
      },
      exitCode: 1,
    })
  })

  it('of a peer with its code and details', () => {
    const { error, exitCode } = reportFailure(new RefusedByPeer('denied', { rule: 'hours' }))
    assert.equal(error.message, 'the peer refused (denied, rule: hours)')
    assert.equal(error.fromPeer, true)
    assert.equal(error.hint, undefined)
    assert.equal(exitCode, 4)
  })

  for (const [code, hint] of [
    ['frozen', 'kith key recover'],
    ['rotated', 'kith key status'],
  ] as const) {
    it(`with what to type when the peer says ${code}`, () => {
      assert.equal(reportFailure(new RefusedByPeer(code, {})).error.hint, hint)
    })
  }

  it('with the time to wait as a hint', () => {
    const { error, exitCode } = reportFailure(
      new RefusedByPeer('rate-limited', { retryAfterMs: 2_000 }),
    )
    assert.equal(error.hint, 'again in 2 s')
    assert.equal(exitCode, 75)
  })

  it('without what a peer put in its details to trouble a terminal', () => {
    const { error } = reportFailure(
      new RefusedByPeer('denied', { rule: 'a\u001B[2Jb\nkith: all is well' }),
    )
    assert.equal(error.message, 'the peer refused (denied, rule: ab kith: all is well)')
  })

  it('of an ask with its id and the name of the peer', () => {
    const { error, exitCode } = reportFailure(askFailed('bob', 'busy', { position: 3 }))
    assert.equal(error.message, 'bob has too much to do (busy, position: 3, ask: the-ask)')
    assert.deepEqual(error.details, { position: 3, ask: 'the-ask' })
    assert.equal(error.fromPeer, true)
    assert.equal(exitCode, 75)
  })

  it('of an ask to this node as no refusal of a peer', () => {
    const { error, exitCode } = reportFailure(askFailed('self', 'denied', { rule: 'preset' }))
    assert.equal(error.message, 'this node refused (denied, rule: preset, ask: the-ask)')
    assert.equal(error.fromPeer, false)
    assert.equal(exitCode, 5)
  })

  for (const code of ['unreachable', 'connection-lost']) {
    it(`of an ask that is ${code} as our own node's word`, () => {
      const { error, exitCode } = reportFailure(askFailed('bob', code, { peer: 'bob' }))
      assert.equal(error.fromPeer, false)
      assert.equal(error.hint, 'kith peers show bob')
      assert.equal(exitCode, 3)
    })
  }

  describe('of an ask that a breaker holds', () => {
    const nextProbeAt = new Date(2026, 10, 21, 9, 30).getTime()

    it('here, with when it is tried again and how to let it through at once', () => {
      const held = askFailed('bob', 'breaker-open', { nextProbeAt, by: 'here' })
      const { error, exitCode } = reportFailure(held)
      assert.equal(
        error.message,
        'bob has failed too often, and is left alone for a while (breaker-open, nextProbeAt: 2026-11-21 09:30:00, ask: the-ask)',
      )
      assert.equal(error.hint, "kith breaker reset 'peer bob'")
      assert.equal(error.fromPeer, false)
      assert.equal(exitCode, 75)
    })

    for (const at of [nextProbeAt, 1e300]) {
      it(`at the peer, as the peer's word, with the time ${at}`, () => {
        const { error } = reportFailure(askFailed('bob', 'breaker-open', { nextProbeAt: at }))
        assert.equal(error.fromPeer, true)
        assert.equal(error.hint, undefined)
      })
    }
  })

  it('of an ask with a code that only a newer peer knows', () => {
    const { error } = reportFailure(askFailed('bob', 'sleepy'))
    assert.equal(error.message, 'bob failed (sleepy, ask: the-ask)')
  })

  it('as an interruption at Ctrl-C', () => {
    assert.equal(reportFailure(new Interrupted()).exitCode, 130)
  })

  it('of a node that went away in mid-answer as one that does not run', () => {
    const hangUp = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
    const { error, exitCode } = reportFailure(hangUp)
    assert.equal(error.message, 'the node went away before it answered')
    assert.equal(exitCode, 6)
  })

  it('of the system without a stack', () => {
    const err = Object.assign(new Error('connect EACCES /x'), {
      code: 'EACCES',
      syscall: 'connect',
    })
    assert.equal(reportFailure(err).error.message, 'connect EACCES /x')
  })

  for (const [rule, remedy] of [
    ['allow', 'kith peers allow NAME GRANT'],
    ['enabled', 'kith jobs enable JOB'],
    ['constructor', undefined],
  ] as const) {
    it(`of a refusal by the rule ${rule} with ${remedy ?? 'no remedy'}`, () => {
      const { error } = reportFailure(new RefusedByPeer('denied', { rule }))
      assert.equal(error.hint, remedy && `ask its owner, who can type: ${remedy}`)
    })
  }

  it('of the system about a file by its path, without a code and a call', () => {
    const [code, path] = ['ENOENT', '/mnt/usb/a.age']
    const text = `${code}: no such file or directory, open '${path}'`
    const err = Object.assign(new Error(text), { code, errno: -2, path, syscall: 'open' })
    assert.equal(reportFailure(err).error.message, `${path}: no such file or directory`)
  })

  it('of our own making with its stack, as nobody else can explain it', () => {
    const { error, exitCode } = reportFailure(new TypeError('no such thing'))
    assert.match(error.message, /^TypeError: no such thing\n +at /)
    assert.equal(exitCode, 1)
  })
})
