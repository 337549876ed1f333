import assert from 'node:assert/strict'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'

const large = { model: 'lab/large', priced: true }
const small = { model: 'home/small', priced: false }

describe('kith models', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      models: () => ({ engine: 'model', models: [large, small] }),
      testModel: ({ model }) =>
        model === large.model
          ? { ...large, ok: true, ms: 512 }
          : { ...small, ok: false, ms: 3, cause: 'ECONNREFUSED\u001B[2J', hint: 'kith status' },
    }
  })

  it('lists them by preference, and whether their price is known', async () => {
    assert.equal(await cli.kith('models', 'list'), 0)
    assert.equal(cli.stdout.text, 'MODEL       PRICE\nlab/large   known\nhome/small  not known\n')
  })

  it('says which engine answers where there are none', async () => {
    cli.answers.models = () => ({ engine: 'builtin', models: [] })
    assert.equal(await cli.kith('models', 'list'), 0)
    assert.equal(cli.stdout.text, 'no models: the engine builtin answers\n')
    assert.equal(await cli.kith('models', 'test'), 2)
    assert.match(cli.stderr.text, /no model is configured.*\ntry: set agent.engine/)
  })

  it('tests each, says cause and remedy of a fault, and exits 1', async () => {
    assert.equal(await cli.kith('-p', 'work', 'models', 'test'), 1)
    assert.equal(
      cli.stdout.text,
      [
        'lab/large  ok after 512 ms, price known',
        'home/small  failed after 3 ms, price not known',
        '    ECONNREFUSED',
        '    try: kith -p work status',
        '',
      ].join('\n'),
    )
  })

  it('tests one alone, as JSON', async () => {
    assert.equal(await cli.kith('models', 'test', 'lab/large', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [{ ...large, ok: true, ms: 512 }])
    assert.deepEqual(cli.calls.at(-1), ['testModel', { model: 'lab/large' }])
    assert.equal(cli.calls.length, 2)
  })

  it('fails for a model that is not configured', async () => {
    cli.answers.testModel = ({ model }) => {
      throw new KithError('unknown-model', `no model ${model}`, { model })
    }
    assert.equal(await cli.kith('models', 'test', 'lab/none'), 1)
  })

  for (const verb of ['list', 'test']) {
    it(`${verb} says that no node runs`, async () => {
      cli.answers = {}
      assert.equal(await cli.kith('models', verb), 6)
    })
  }
})
