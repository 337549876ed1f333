import assert from 'node:assert/strict'
import { isFailure, KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { ID, KEY } from '../reports.ts'

const made = {
  name: 'alice',
  id: ID,
  key: KEY,
  words: ['bread', 'lunar', 'sketch', 'search'],
  addresses: ['/ip4/127.0.0.1/tcp/7423', '/ip4/10.0.0.1/tcp/7423'],
  recoveryWords: Array.from({ length: 24 }, (_, index) => `word${String.fromCharCode(97 + index)}`),
}

describe('kith init', () => {
  let cli: FakeCli
  let inits: unknown[]

  beforeEach(() => {
    cli = new FakeCli()
    inits = []
    cli.offlineNode = {
      initNode: async (home, init) => {
        inits.push([home.path, init])
        return made
      },
    }
  })

  it('makes a node with its keys unsealed when told so', async () => {
    assert.equal(
      await cli.kith('init', '--clear', '--name', 'alice', '--listen', '/a', '--listen', '/b'),
      0,
    )
    assert.deepEqual(inits, [
      ['/nowhere/.kith', { protection: { clear: true }, name: 'alice', listen: ['/a', '/b'] }],
    ])
  })

  it('seals the keys with the first line of the standard input', async () => {
    cli.stdin.end('geheim\nmore\n')
    assert.equal(await cli.kith('init', '--passphrase-stdin'), 0)
    assert.deepEqual(inits, [['/nowhere/.kith', { protection: { passphrase: 'geheim' } }]])
  })

  it('shows the id, the words and the addresses, and all recovery words in order', async () => {
    await cli.kith('init', '--clear')
    const { text } = cli.stdout
    for (const value of [ID, KEY, 'bread lunar sketch search', ...made.addresses]) {
      assert.ok(text.includes(value), value)
    }
    const shown = [...text.matchAll(/(\d+) (word[a-x])/g)]
      .sort(([, a], [, b]) => Number(a) - Number(b))
      .map(([, , word]) => word)
    assert.deepEqual(shown, made.recoveryWords)
    assert.match(text, /shown this once and are stored nowhere/)
    assert.match(text, /kith start/)
    assert.equal(cli.stderr.text, '')
  })

  it('prints all of it as one object with --json', async () => {
    await cli.kith('init', '--clear', '--json')
    assert.deepEqual(cli.stdout.json, [{ ...made, home: '/nowhere/.kith' }])
  })

  it('keeps the rotation key off the host when told so, and says what its words are for', async () => {
    const rotationWords = made.recoveryWords.map((word) => word.replace('word', 'turn'))
    cli.offlineNode = {
      initNode: async (home, init) => {
        inits.push([home.path, init])
        return { ...made, rotationWords }
      },
    }
    assert.equal(await cli.kith('init', '--clear', '--next-off-host'), 0)
    assert.deepEqual(inits, [
      ['/nowhere/.kith', { protection: { clear: true }, rotationKeyOffHost: true }],
    ])
    const { text } = cli.stdout
    const shown = [...text.matchAll(/(\d+) (turn[a-x])/g)]
      .sort(([, a], [, b]) => Number(a) - Number(b))
      .map(([, , word]) => word)
    assert.deepEqual(shown, rotationWords)
    assert.ok(text.indexOf('Recovery words') < text.indexOf('Rotation words'))
    assert.match(text.slice(text.indexOf('Rotation words')), /kith key keep NAME/)
    await cli.kith('init', '--clear', '--next-off-host', '--json')
    assert.match(cli.stdout.text, new RegExp(`"rotationWords":\\["${rotationWords[0]}"`))
  })

  it('says nothing of rotation words when the key is on the host', async () => {
    await cli.kith('init', '--clear')
    assert.doesNotMatch(cli.stdout.text, /Rotation words/)
  })

  it('does not guess how the keys are kept when nobody can be asked', async () => {
    assert.equal(await cli.kith('init'), 2)
    assert.match(cli.stderr.text, /--passphrase-stdin or --clear/)
    assert.deepEqual(inits, [])
  })

  it('asks twice at a terminal', async () => {
    assert.equal(await typed('geheim\r', 'geheim\r'), 0)
    assert.deepEqual(inits, [['/nowhere/.kith', { protection: { passphrase: 'geheim' } }]])
  })

  it('makes nothing when the two differ', async () => {
    assert.equal(await typed('geheim\r', 'anders\r'), 2)
    assert.deepEqual(inits, [])
  })

  it('makes nothing of an empty passphrase', async () => {
    assert.equal(await typed('\r'), 2)
    assert.deepEqual(inits, [])
  })

  it('makes nothing at Ctrl-C', async () => {
    assert.equal(await typed('\u0003'), 130)
    assert.deepEqual(inits, [])
  })

  it('says what is there already', async () => {
    const err = new KithError('exists', 'it is there', { what: 'it' }, { hint: 'kith id' })
    assert.ok(isFailure(err))
    cli.offlineNode = { initNode: () => Promise.reject(err) }
    assert.equal(await cli.kith('init', '--clear'), 1)
    assert.equal(cli.stderr.text, 'kith: it is there\ntry: kith id\n')
  })

  /** Answers one question after the other at a terminal. */
  async function typed(...lines: string[]): Promise<number> {
    cli.stdin.isTTY = true
    cli.stderr.isTTY = true
    const write = cli.stderr.write.bind(cli.stderr)
    cli.stderr.write = (chunk: string) => {
      if (chunk.endsWith(': ')) setImmediate(() => cli.stdin.write(lines.shift() ?? ''))
      return write(chunk)
    }
    return await cli.kith('init')
  }
})
