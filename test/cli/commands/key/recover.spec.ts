import assert from 'node:assert/strict'
import type { Input, LostNodeRoute, Output } from '../../../../src/node/control/api.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import type { Answers } from '../../fake-cli.ts'
import { ID } from '../../reports.ts'
import { keyReport, offlineKeys, types, WORDS } from './reports.ts'

const OLD = WORDS.join(' ')
const NEW = WORDS.map((word) => word.replace('word', 'neu'))
const TURN = WORDS.map((word) => word.replace('word', 'turn'))

describe('kith key recover', () => {
  let cli: FakeCli
  let prepared: Input<'prepareRecovery'>[]
  let answers: Answers

  beforeEach(() => {
    cli = new FakeCli()
    prepared = []
    answers = {
      key: () => keyReport,
      checkRecovery: ({ words }) => {
        if (words !== OLD) throw new KithError('wrong-words', 'other words', { what: 'x' })
        return { id: ID, sn: 2 }
      },
      prepareRecovery: (input) => {
        prepared.push(input)
        return {
          recoveryWords: NEW,
          ...(input.rotationKeyOffHost === true ? { rotationWords: TURN } : {}),
        }
      },
      commitRecovery: () => keyReport,
    }
    cli.answers = answers
  })

  function routes(): string[] {
    return cli.calls.map(([route]) => route)
  }

  const steps = ['checkRecovery', 'key', 'prepareRecovery']

  describe('--dry-run', () => {
    it('proves the words, and does nothing else', async () => {
      cli.stdin.end(`${OLD}\n`)
      assert.equal(await cli.kith('key', 'recover', '--dry-run'), 0)
      assert.equal(cli.stdout.text, `these words would recover ${ID}; nothing was changed\n`)
      assert.deepEqual(routes(), ['checkRecovery'])
    })

    it('says that other words are not the ones', async () => {
      cli.stdin.end('zoo zoo\n')
      assert.equal(await cli.kith('key', 'recover', '--dry-run'), 1)
    })

    it('works without a running node, and as JSON', async () => {
      cli.answers = {}
      offlineKeys(cli, { checkRecovery: () => ({ id: ID, sn: 2 }) })
      cli.stdin.end(`${OLD}\n`)
      assert.equal(await cli.kith('key', 'recover', '--dry-run', '--json'), 0)
      assert.deepEqual(cli.stdout.json, [{ id: ID, sn: 2 }])
    })
  })

  it('shows the new words, asks whether they are written down, and only then does it', async () => {
    types(cli, OLD, 'geheim', 'geheim', 'y')
    assert.equal(await cli.kith('key', 'recover'), 0)
    assert.deepEqual(prepared, [{ words: OLD, protection: { passphrase: 'geheim' } }])
    assert.deepEqual(routes(), [...steps, 'commitRecovery'])
    const { text } = cli.stdout
    assert.ok(text.indexOf('neua') < text.indexOf('this node has another key now'))
    assert.ok(!cli.stderr.text.includes('worda') && !cli.stderr.text.includes('geheim'))
    assert.match(cli.stderr.text, /Are the new words written down\?/)
  })

  it('changes nothing when they are not', async () => {
    types(cli, OLD, 'geheim', 'geheim', 'n')
    assert.equal(await cli.kith('key', 'recover'), 1)
    assert.deepEqual(routes(), steps)
    assert.match(cli.stderr.text, /nothing was changed/)
  })

  it('asks for no passphrase when the words are other ones', async () => {
    types(cli, 'zoo zoo')
    assert.equal(await cli.kith('key', 'recover'), 1)
    assert.ok(!cli.stderr.text.includes('Passphrase'))
  })

  it('takes words and passphrase from a pipe, one line each', async () => {
    cli.stdin.end(`${OLD}\ngeheim\n`)
    assert.equal(await cli.kith('key', 'recover', '--passphrase-stdin', '--yes'), 0)
    assert.deepEqual(prepared[0]?.protection, { passphrase: 'geheim' })
  })

  it('keeps the new keys unsealed when told so', async () => {
    cli.stdin.end(OLD)
    assert.equal(await cli.kith('key', 'recover', '--clear', '--yes'), 0)
    assert.deepEqual(prepared[0]?.protection, { clear: true })
  })

  it('says what of the key log is undone', async () => {
    cli.answers = { ...answers, checkRecovery: () => ({ id: ID, sn: 1 }) }
    cli.stdin.end(OLD)
    await cli.kith('key', 'recover', '--clear', '--yes')
    assert.match(cli.stderr.text, /from event 1 on is undone/)
  })

  it('shows new rotation words where the rotation key was off the host', async () => {
    cli.answers = { ...answers, key: () => ({ ...keyReport, rotationKey: 'off-host' }) }
    cli.stdin.end(OLD)
    await cli.kith('key', 'recover', '--clear', '--yes')
    assert.equal(prepared[0]?.rotationKeyOffHost, true)
    const { text } = cli.stdout
    assert.ok(text.indexOf('New recovery words') < text.indexOf('New rotation words'))
    assert.ok(text.includes('turna'))
  })

  it('has the words as one JSON object, and what came of it as the next', async () => {
    cli.stdin.end(OLD)
    assert.equal(await cli.kith('key', 'recover', '--clear', '--yes', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [
      { recoveryWords: NEW },
      { state: 'rotated', report: keyReport, running: true },
    ])
    assert.equal(cli.stderr.text, '')
  })

  it('works without a running node', async () => {
    cli.answers = {}
    const { calls, closed } = offlineKeys(cli, {
      key: () => keyReport,
      checkRecovery: () => ({ id: ID, sn: 2 }),
      prepareRecovery: () => ({ recoveryWords: NEW }),
      commitRecovery: () => keyReport,
    })
    cli.stdin.end(OLD)
    assert.equal(await cli.kith('key', 'recover', '--clear', '--yes'), 0)
    assert.deepEqual(
      calls.map(([route]) => route),
      [...steps, 'commitRecovery'],
    )
    assert.match(cli.stderr.text, /peers learn of it at the next start/)
    assert.equal(closed(), 1)
  })

  describe('--log, in an empty home', () => {
    let opened: [home: string, path: string][]
    let routes: string[]
    let closed: number

    beforeEach(() => {
      opened = []
      routes = []
      closed = 0
      cli.offlineNode = {
        openLostNode: async ({ path: home }, path) => {
          opened.push([home, path])
          return {
            call: async <N extends LostNodeRoute>(name: N, input: Input<N>) => {
              routes.push(name)
              // The types of a route, its input and its output go by the same name.
              const answer = answers[name] as (input: Input<N>) => Promise<Output<N>>
              return await answer(input)
            },
            close: async () => {
              closed++
            },
          }
        },
      }
    })

    it('makes the node anew from a file, says which, and what to do next; no node is called', async () => {
      types(cli, OLD, 'geheim', 'geheim', 'y')
      assert.equal(await cli.kith('key', 'recover', '--log', 'exported'), 0)
      assert.deepEqual(opened, [['/nowhere/.kith', 'exported']])
      assert.deepEqual(routes, [...steps, 'commitRecovery'])
      assert.deepEqual([cli.calls, closed], [[], 1])
      assert.ok(cli.stderr.text.includes(`the key log of ${ID} (bread lunar sketch search)`))
      assert.match(cli.stderr.text, /it ends in event 1, made .*; if a peer holds more/)
      assert.match(cli.stderr.text, /peers.yaml: put that back, or pin them again/)
      assert.match(cli.stderr.text, /and follow: kith start/)
    })

    it('proves the words with --dry-run', async () => {
      cli.stdin.end(`${OLD}\n`)
      assert.equal(await cli.kith('key', 'recover', '--log', 'exported', '--dry-run'), 0)
      assert.deepEqual([routes, closed], [['checkRecovery'], 1])
    })

    it('fails where there is a node, and makes nothing', async () => {
      answers.checkRecovery = () => {
        throw new KithError('exists', 'there already', { what: 'x' })
      }
      cli.stdin.end(OLD)
      assert.equal(await cli.kith('key', 'recover', '--log', 'x', '--clear', '--yes'), 1)
      assert.deepEqual([routes, closed], [['checkRecovery'], 1])
    })

    it('has JSON', async () => {
      cli.stdin.end(OLD)
      const args = ['--log', 'exported', '--clear', '--yes', '--json']
      assert.equal(await cli.kith('key', 'recover', ...args), 0)
      assert.deepEqual(cli.stdout.json, [
        { recoveryWords: NEW },
        { state: 'rotated', report: keyReport, running: false },
      ])
      assert.equal(cli.stderr.text, '')
    })
  })

  for (const [what, args] of [
    ['that the new words are safe', ['--clear']],
    ['how the new keys are kept', ['--yes']],
    ['one way to keep them', ['--clear', '--passphrase-stdin', '--yes']],
  ] as const) {
    it(`wants to be told ${what} when nobody can be asked`, async () => {
      cli.stdin.end(OLD)
      assert.equal(await cli.kith('key', 'recover', ...args), 2)
      assert.ok(!routes().includes('prepareRecovery'))
    })
  }
})
