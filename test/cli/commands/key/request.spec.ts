import assert from 'node:assert/strict'
import type { Output } from '../../../../src/node/control/api.ts'
import { RefusedByPeer } from '../../../../src/node/control/client.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import { keyReport, offlineKeys, rotation } from './reports.ts'

type Standing = Output<'requestRotation'>

const waits: Standing = { rotation, request: 'kith://r/1/AAAA' }
const signed: Standing = { ...waits, endorsement: 'kith://e/1/AAAA' }
const offHost = { ...keyReport, rotationKey: 'off-host' as const }

describe('kith key request', () => {
  let cli: FakeCli
  /** What comes of each request, in order; the last of them again and again. */
  let outcomes: (Standing | Error)[]

  beforeEach(() => {
    cli = new FakeCli()
    outcomes = [waits]
    cli.answers = {
      key: () => ({ ...offHost, waiting: rotation }),
      requestRotation: () => {
        const outcome = (outcomes.length > 1 ? outcomes.shift() : outcomes[0]) ?? waits
        if (outcome instanceof Error) throw outcome
        return outcome
      },
      completeRotation: () => keyReport,
    }
  })

  function routes(): string[] {
    return cli.calls.map(([route]) => route)
  }

  it('prints what is to be carried to the other node, and what to type there and here', async () => {
    assert.equal(await cli.kith('-p', 'work', 'key', 'request'), 0)
    assert.equal(cli.stdout.text, 'kith://r/1/AAAA\n')
    assert.match(cli.stderr.text, /\(crane sick gate asthma\); no secret is in it/)
    assert.match(cli.stderr.text, /kith key sign 'TEXT'/)
    assert.match(cli.stderr.text, /kith -p work key rotate --signed 'TEXT'/)
    await cli.kith('key', 'request', '--json')
    assert.match(cli.stdout.text, /\n\{"rotation":.*"request":"kith:\/\/r\/1\/AAAA"\}\n$/)
  })

  it('works on the files when no node runs', async () => {
    cli.answers = {}
    offlineKeys(cli, {
      key: () => ({ ...offHost, waiting: rotation }),
      requestRotation: () => waits,
    })
    assert.equal(await cli.kith('key', 'request'), 0)
    assert.equal(cli.stdout.text, 'kith://r/1/AAAA\n')
    assert.equal(await cli.kith('key', 'request', '--via', 'laptop'), 6)
  })

  it('prepares a rotation when none waits', async () => {
    cli.answers = {
      ...cli.answers,
      key: () => offHost,
      rotate: () => ({ state: 'waiting', rotation }),
    }
    assert.equal(await cli.kith('key', 'request', '--via', 'laptop'), 7)
    assert.deepEqual(cli.calls, [
      ['key', {}],
      ['rotate', { why: 'routine', graceSeconds: 86_400 }],
      ['requestRotation', { via: 'laptop' }],
    ])
  })

  it('asks nobody when the rotation key is here', async () => {
    cli.answers = { ...cli.answers, key: () => keyReport }
    assert.equal(await cli.kith('key', 'request', '--via', 'laptop'), 1)
    assert.match(cli.stderr.text, /nobody else has to sign\ntry: kith key rotate/)
    assert.deepEqual(routes(), ['key'])
  })

  it('asks a peer, and says that a person has to sign there', async () => {
    assert.equal(await cli.kith('key', 'request', '--via', 'laptop'), 7)
    assert.match(cli.stdout.text, /laptop has been asked for rotation 2/)
    assert.match(cli.stderr.text, /kith key sign NAME/)
    assert.match(cli.stderr.text, /then here: kith key request --via laptop/)
    assert.equal(await cli.kith('key', 'request', '--via', 'laptop', '--json'), 7)
    assert.match(cli.stdout.text, /\n\{"state":"waiting","via":"laptop".*\}\n$/)
  })

  it('finishes at once what the peer has signed by now', async () => {
    outcomes = [signed]
    assert.equal(await cli.kith('key', 'request', '--via', 'laptop'), 0)
    assert.deepEqual(cli.calls.at(-1), ['completeRotation', { endorsement: 'kith://e/1/AAAA' }])
    assert.match(cli.stdout.text, /this node has another key now/)
  })

  describe('--wait', () => {
    const args = ['key', 'request', '--via', 'laptop', '--wait']

    it('asks every 2 s until it is signed, then finishes', async () => {
      outcomes = [waits, waits, waits, signed]
      assert.equal(await cli.kith(...args), 0)
      assert.deepEqual(cli.slept, [2_000, 2_000, 2_000])
      assert.deepEqual(routes().slice(-2), ['requestRotation', 'completeRotation'])
    })

    it('goes on while the peer is away, and says so once', async () => {
      const away = new KithError('unreachable', 'laptop is away', { peer: 'laptop', reason: '' })
      const busy = new RefusedByPeer('rate-limited', { retryAfterMs: 5_000 })
      outcomes = [waits, away, away, busy, waits, signed]
      assert.equal(await cli.kith(...args), 0)
      assert.equal(cli.stderr.text.match(/laptop is away/g)?.length, 1)
    })

    it('ends at what does not pass', async () => {
      outcomes = [waits, new KithError('no-rotation', 'gone', { home: '' })]
      assert.equal(await cli.kith(...args), 1)
    })

    it('ends at Ctrl-C, and the rotation goes on waiting', async () => {
      cli.interrupt()
      assert.equal(await cli.kith(...args), 130)
      assert.ok(!routes().includes('completeRotation'))
    })

    it('goes with a peer to ask', async () => {
      assert.equal(await cli.kith('key', 'request', '--wait'), 2)
      assert.deepEqual(cli.calls, [])
    })
  })

  it('says what the owner of the other node has to allow', async () => {
    outcomes = [new RefusedByPeer('denied', { rule: 'allow' })]
    assert.equal(await cli.kith('key', 'request', '--via', 'laptop'), 5)
    assert.match(cli.stderr.text, /laptop takes no rotations of this node/)
    assert.match(cli.stderr.text, /try: there: kith peers allow NAME key\.rotate/)
  })
})
