import assert from 'node:assert/strict'
import { KithError } from '../../../../src/protocol/errors.ts'
import type { Input } from '../../../../src/node/control/api.ts'
import { FakeCli } from '../../fake-cli.ts'
import { ID, KEY } from '../../reports.ts'
import { keyReport, offlineKeys, rotation, types } from './reports.ts'

describe('kith key rotate', () => {
  let cli: FakeCli
  let inputs: Input<'rotate'>[]

  beforeEach(() => {
    cli = new FakeCli()
    inputs = []
    cli.answers = {
      rotate: (input) => {
        inputs.push(input)
        return { state: 'rotated', report: keyReport }
      },
    }
  })

  it('says in plain words what has happened, and what becomes of whom', async () => {
    assert.equal(await cli.kith('key', 'rotate'), 0)
    assert.deepEqual(inputs, [{ why: 'routine', graceSeconds: 86_400 }])
    const { text } = cli.stdout
    assert.ok(text.startsWith(`this node has another key now: ${KEY}\n`))
    assert.ok(text.includes(`its id is still ${ID}`))
    assert.match(text, /bob +acknowledged +yes +knows the key in use/)
    assert.match(text, /carol +unseen +no +.*catches up by itself/)
    assert.match(text, /dave +frozen +yes +.*kith key recover/)
  })

  const options: [args: string[], input: Input<'rotate'>][] = [
    [['--grace', '0'], { why: 'routine', graceSeconds: 0 }],
    [['--grace', '90m'], { why: 'routine', graceSeconds: 5_400 }],
    [['--grace', '7d'], { why: 'routine', graceSeconds: 604_800 }],
    [['--compromise', '--yes'], { why: 'compromise', graceSeconds: 0 }],
    [
      ['--compromise', '--yes', '--last-good', '2026-11-21T08:00:00Z'],
      { why: 'compromise', graceSeconds: 0, lastGoodAt: Date.UTC(2026, 10, 21, 8) },
    ],
  ]
  for (const [args, input] of options) {
    it(`takes ${args.join(' ')}`, async () => {
      assert.equal(await cli.kith('key', 'rotate', ...args), 0)
      assert.deepEqual(inputs, [input])
    })
  }

  for (const args of [
    ['--grace', 'soon'],
    ['--grace', '1h', '--compromise', '--yes'],
    ['--last-good', '2026-11-21'],
    ['--compromise', '--last-good', 'yesterday', '--yes'],
    ['--signed', 'kith://e/1/AA', '--compromise', '--yes'],
    ['--signed', 'kith://e/1/AA', '--grace', '1h'],
  ]) {
    it(`does not take ${args.join(' ')}`, async () => {
      assert.equal(await cli.kith('key', 'rotate', ...args), 2)
      assert.deepEqual(inputs, [])
    })
  }

  describe('--compromise', () => {
    it('does nothing when nobody can be asked', async () => {
      assert.equal(await cli.kith('key', 'rotate', '--compromise'), 2)
      assert.match(cli.stderr.text, /say --yes/)
      assert.deepEqual(inputs, [])
    })

    it('asks, and goes on for a yes', async () => {
      types(cli, 'y')
      assert.equal(await cli.kith('key', 'rotate', '--compromise'), 0)
      assert.match(cli.stderr.text, /Was the key in use stolen\?.*\[y\/N\]/)
      assert.equal(inputs.length, 1)
    })

    for (const answer of ['', 'n', 'yeah']) {
      it(`asks, and does nothing for ${JSON.stringify(answer)}`, async () => {
        types(cli, answer)
        assert.equal(await cli.kith('key', 'rotate', '--compromise'), 1)
        assert.match(cli.stderr.text, /nothing was changed/)
        assert.deepEqual(inputs, [])
      })
    }
  })

  describe('of keys that are sealed', () => {
    beforeEach(() => {
      cli.answers = {
        rotate: (input) => {
          inputs.push(input)
          const given = input.passphrase !== undefined
          if (input.passphrase !== 'geheim') throw new KithError('passphrase', 'sealed', { given })
          return { state: 'rotated', report: keyReport }
        },
      }
    })

    function passphrases(): unknown[] {
      return inputs.map(({ passphrase }) => passphrase)
    }

    it('reads the passphrase from the standard input, and sends it only when it is needed', async () => {
      cli.stdin.end('geheim\n')
      assert.equal(await cli.kith('key', 'rotate', '--passphrase-stdin'), 0)
      assert.deepEqual(passphrases(), [undefined, 'geheim'])
    })

    it('asks for it at a terminal, and does not show it', async () => {
      types(cli, 'geheim')
      assert.equal(await cli.kith('key', 'rotate'), 0)
      assert.deepEqual(passphrases(), [undefined, 'geheim'])
      assert.ok(!(cli.stderr.text + cli.stdout.text).includes('geheim'))
    })

    it('says how to give it when nobody can be asked', async () => {
      assert.equal(await cli.kith('key', 'rotate'), 7)
      assert.match(cli.stderr.text, /--passphrase-stdin, or KITH_PASSPHRASE_FILE/)
    })

    it('does not try a wrong one twice', async () => {
      cli.stdin.end('falsch\n')
      assert.equal(await cli.kith('key', 'rotate', '--passphrase-stdin'), 7)
      assert.deepEqual(passphrases(), [undefined, 'falsch'])
    })
  })

  it('says what to type when the rotation key is elsewhere', async () => {
    cli.answers = { rotate: () => ({ state: 'waiting', rotation }) }
    assert.equal(await cli.kith('-p', 'work', 'key', 'rotate'), 7)
    assert.match(cli.stdout.text, /rotation 2, routine, made .* \(crane sick gate asthma\)/)
    assert.match(cli.stderr.text, /kith -p work key request --via NAME --wait/)
    assert.equal(await cli.kith('key', 'rotate', '--json'), 7)
    const last = cli.stdout.text.trim().split('\n').at(-1) ?? ''
    assert.deepEqual(JSON.parse(last), { state: 'waiting', rotation })
  })

  it('finishes what was signed elsewhere', async () => {
    cli.answers = { completeRotation: () => keyReport }
    assert.equal(await cli.kith('key', 'rotate', '--signed', 'kith://e/1/AA'), 0)
    assert.deepEqual(cli.calls, [['completeRotation', { endorsement: 'kith://e/1/AA' }]])
    assert.match(cli.stdout.text, /this node has another key now/)
  })

  it('has JSON', async () => {
    assert.equal(await cli.kith('key', 'rotate', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [{ state: 'rotated', report: keyReport, running: true }])
  })

  it('works on the files when no node runs, and says when peers learn of it', async () => {
    cli.answers = {}
    const files = offlineKeys(cli, { rotate: () => ({ state: 'rotated', report: keyReport }) })
    assert.equal(await cli.kith('key', 'rotate'), 0)
    assert.deepEqual(files.calls, [['rotate', { why: 'routine', graceSeconds: 86_400 }]])
    assert.match(cli.stderr.text, /peers learn of it at the next start/)
    assert.ok(!cli.stdout.text.includes('PEER'))
    assert.equal(files.closed(), 1)
  })
})
