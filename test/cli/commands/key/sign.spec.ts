import assert from 'node:assert/strict'
import type { Input, KeyReport } from '../../../../src/node/control/api.ts'
import { timeText } from '../../../../src/cli/time-text.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import { bob, ID } from '../../reports.ts'
import { AT, keyReport, NEXT_KEY, types, wanted, WORDS } from './reports.ts'

const ENDORSEMENT = 'kith://e/1/BBBB'

describe('kith key', () => {
  let cli: FakeCli
  let inputs: unknown[]

  beforeEach(() => {
    cli = new FakeCli()
    inputs = []
  })

  describe('sign', () => {
    function keeper(
      requests: KeyReport['requests'] = [{ ...wanted, receivedAt: AT, endorsed: false }],
    ): void {
      cli.answers = {
        key: () => ({ ...keyReport, requests }),
        inspectRotation: () => wanted,
        signRotation: (input: Input<'signRotation'>) => {
          inputs.push(input)
          return { endorsement: ENDORSEMENT }
        },
      }
    }

    it('shows what a peer asks for, and signs that very request', async () => {
      keeper()
      types(cli, 'yes')
      assert.equal(await cli.kith('key', 'sign', 'server'), 0)
      for (const value of [
        ID,
        NEXT_KEY,
        'crane sick gate asthma',
        'routine, grace 1 d 0 h',
        '2, made',
      ]) {
        assert.ok(cli.stderr.text.includes(value), value)
      }
      assert.deepEqual(inputs, [{ request: wanted.request }])
      assert.equal(cli.stdout.text, `${ENDORSEMENT}\n`)
      assert.match(cli.stderr.text, /server fetches this by itself/)
    })

    it('says since when a key was in other hands', async () => {
      const stolen = { ...wanted, why: 'compromise', graceSeconds: 0, lastGoodAt: AT } as const
      keeper([{ ...stolen, receivedAt: AT, endorsed: false }])
      await cli.kith('key', 'sign', 'server', '--yes')
      assert.ok(cli.stderr.text.includes(`its key in use was stolen, last good ${timeText(AT)}`))
    })

    it('signs what was carried here, and says where it goes', async () => {
      keeper([])
      assert.equal(await cli.kith('key', 'sign', ' kith://r/1/AAAA\n', '--yes'), 0)
      assert.deepEqual(cli.calls[0], ['inspectRotation', { request: 'kith://r/1/AAAA' }])
      assert.match(cli.stderr.text, /on server: kith key rotate --signed 'TEXT'/)
    })

    it('signs nothing for a no, nor when nobody can be asked', async () => {
      keeper()
      assert.equal(await cli.kith('key', 'sign', 'server'), 2)
      types(cli, 'n')
      assert.equal(await cli.kith('key', 'sign', 'server'), 1)
      assert.deepEqual(inputs, [])
    })

    it('says when the peer has asked for nothing', async () => {
      keeper([])
      assert.equal(await cli.kith('key', 'sign', 'server', '--yes'), 1)
      assert.match(
        cli.stderr.text,
        /server has not asked for a signature\ntry: there: kith key request/,
      )
    })

    it('has JSON, and nothing beside it', async () => {
      keeper()
      assert.equal(await cli.kith('key', 'sign', 'server', '--yes', '--json'), 0)
      const [shown] = cli.stdout.json
      const given = { receivedAt: AT, endorsed: false, endorsement: ENDORSEMENT }
      assert.deepEqual(shown, { ...wanted, ...given })
      assert.equal(cli.stderr.text, '')
    })

    it('needs a node that runs', async () => {
      assert.equal(await cli.kith('key', 'sign', 'server', '--yes'), 6)
    })

    it('lets no peer write to the terminal', async () => {
      const nasty = '\u001B[2J'
      keeper([{ ...wanted, words: [nasty], key: nasty, receivedAt: AT, endorsed: false }])
      types(cli, 'n')
      await cli.kith('key', 'sign', 'server')
      assert.ok(!cli.stderr.text.includes(nasty))
    })
  })

  describe('keep', () => {
    let sealed: boolean

    beforeEach(() => {
      sealed = false
      cli.answers = {
        peers: () => [{ ...bob, name: 'server' }],
        keepRotationKey: (input) => {
          inputs.push(input)
          const given = input.passphrase !== undefined
          if (sealed && !given) throw new KithError('passphrase', 'sealed', { given })
          return {}
        },
      }
    })

    const words = WORDS.join(' ')

    it('takes the words from a pipe', async () => {
      cli.stdin.end(`${words}\n`)
      assert.equal(await cli.kith('key', 'keep', 'server'), 0)
      assert.deepEqual(inputs, [{ peer: 'server', words }])
      assert.match(cli.stderr.text, /kith peers allow server key\.rotate/)
      assert.ok(!cli.stdout.text.includes('worda'))
    })

    it('takes words and passphrase from a pipe, one line each', async () => {
      cli.stdin.end(`${words}\ngeheim\n`)
      assert.equal(await cli.kith('key', 'keep', 'server', '--passphrase-stdin'), 0)
      assert.deepEqual(inputs, [{ peer: 'server', words, passphrase: 'geheim' }])
    })

    it('asks for both at a terminal', async () => {
      sealed = true
      types(cli, words, 'geheim')
      assert.equal(await cli.kith('key', 'keep', 'server'), 0)
      assert.deepEqual(inputs.at(-1), { peer: 'server', words, passphrase: 'geheim' })
      assert.ok(!cli.stderr.text.includes('worda'))
    })

    it('says nothing of a right that the peer has', async () => {
      cli.answers = {
        ...cli.answers,
        peers: () => [{ ...bob, name: 'server', allow: ['key.rotate'] }],
      }
      cli.stdin.end(`${words}\n`)
      await cli.kith('key', 'keep', 'server', '--json')
      assert.deepEqual([cli.stdout.json, cli.stderr.text], [[{ kept: 'server' }], ''])
    })

    for (const [what, input, ...args] of [
      ['without words', '\n'],
      ['without the passphrase that was said to come', `${words}\n`, '--passphrase-stdin'],
    ] as const) {
      it(`keeps nothing ${what}`, async () => {
        cli.stdin.end(input)
        assert.equal(await cli.kith('key', 'keep', 'server', ...args), 2)
        assert.deepEqual(inputs, [])
      })
    }

    it('does not ask for the words of a peer that there is not', async () => {
      assert.equal(await cli.kith('key', 'keep', 'nobody'), 1)
      assert.match(cli.stderr.text, /kith peers list/)
    })
  })
})
