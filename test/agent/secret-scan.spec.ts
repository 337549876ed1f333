import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MAX_SECRET_CHARS, SecretScan } from '../../src/agent/secret-scan.ts'
import type { SecretStream } from '../../src/agent/secret-scan.ts'
import type { KnownSecret } from '../../src/agent/secret-shapes.ts'
import { seedToWords } from '../../src/protocol/recovery-words.ts'

const KNOWN: KnownSecret[] = [
  { kind: 'provider key', value: 'pk_live_0123456789' },
  { kind: 'passphrase', value: 'correct horse battery staple' },
  { kind: 'key seed', value: 'ab'.repeat(32) },
]
const scan = new SecretScan(() => KNOWN)

const words = seedToWords(new Uint8Array(32).fill(7))
const pem = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA+/=\nabc\n-----END EC PRIVATE KEY-----'
const github = `ghp_${'a1'.repeat(18)}`

describe('SecretScan', () => {
  const found: { what: string; text: string; says: string }[] = [
    { what: 'a known value', text: 'is pk_live_0123456789!', says: 'is [redacted: provider key]!' },
    {
      what: 'a known value within a word',
      text: 'xpk_live_0123456789x',
      says: 'x[redacted: provider key]x',
    },
    {
      what: 'a known value with spaces',
      text: 'say correct horse battery staple now',
      says: 'say [redacted: passphrase] now',
    },
    { what: 'a seed', text: `0x${'ab'.repeat(32)}`, says: '0x[redacted: key seed]' },
    { what: 'an OpenAI key', text: `k=sk-${'a'.repeat(20)},`, says: 'k=[redacted: api key],' },
    {
      what: 'a key longer than any',
      text: `sk-proj-${'a_-'.repeat(400)} end`,
      says: '[redacted: api key] end',
    },
    { what: 'a GitHub token', text: `(${github})`, says: '([redacted: github token])' },
    {
      what: 'a new GitHub token',
      text: `github_pat_${'A'.repeat(30)}`,
      says: '[redacted: github token]',
    },
    { what: 'an AWS key', text: 'id AKIAIOSFODNN7EXAMPLE ok', says: 'id [redacted: aws key] ok' },
    { what: 'a Google key', text: `AIza${'b'.repeat(35)}`, says: '[redacted: google key]' },
    { what: 'a Slack token', text: 'xoxb-1234567890-abc', says: '[redacted: slack token]' },
    {
      what: 'a token of this API',
      text: `kith_0123456789ab_${'A'.repeat(43)}`,
      says: '[redacted: kith token]',
    },
    { what: 'a GitLab token', text: `glpat-${'a'.repeat(20)}`, says: '[redacted: gitlab token]' },
    {
      what: 'a key of age',
      text: `AGE-SECRET-KEY-1${'Q'.repeat(58)}`,
      says: '[redacted: age key]',
    },
    {
      what: 'a web token',
      text: `eyJ${'a'.repeat(40)}.eyJ${'b'.repeat(900)}.cc ok`,
      says: '[redacted: web token] ok',
    },
    { what: 'a private key', text: `a\n${pem}\nb`, says: 'a\n[redacted: private key]\nb' },
    {
      what: 'a private key without an end',
      text: '-----BEGIN PRIVATE KEY-----\nabc',
      says: '[redacted: private key]',
    },
    {
      what: 'recovery words',
      text: `it: ${words.join(' ')}.`,
      says: `it: ${words.slice(0, 3).join(' ')} [redacted: recovery words].`,
    },
    {
      what: 'recovery words in a numbered list',
      text: words.map((word, index) => `${index + 1}. ${word}\n`).join(''),
      says: `1. ${words.slice(0, 3).join('\n_. ')}\n4. [redacted: recovery words]\n`
        .replace('_', '2')
        .replace('_', '3'),
    },
    {
      what: 'recovery words after others of the list',
      text: `About Ability ${words.join(', ')}, so of it`,
      says: `About Ability ${words[0]}, [redacted: recovery words], so of it`,
    },
    {
      what: 'two secrets side by side',
      text: 'pk_live_0123456789pk_live_0123456789',
      says: '[redacted: provider key][redacted: provider key]',
    },
  ]
  for (const { says, text, what } of found) {
    it(`takes out ${what}`, () => {
      assert.equal(scan.redacted(text), says)
    })

    it(`takes out ${what}, unit by unit`, () => {
      assert.equal(through(scan.stream(), text.split('')), says)
    })
  }

  const kept = [
    'an ordinary answer with sk-short and ghp_no and AKIA',
    'task-1234567890123456789012345 is no key',
    words.slice(0, 11).join(' '),
    'abandon ability able about',
    '-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----',
    'correct horse battery',
    '😀 emoji and\ttabs\n',
    '',
  ]
  for (const text of kept) {
    it(`leaves ${JSON.stringify(text.slice(0, 40))} as it is`, () => {
      assert.equal(scan.redacted(text), text)
      assert.equal(through(scan.stream(), text.split('')), text)
    })
  }

  it('takes no notice of a known value too short to tell from words', () => {
    const short = new SecretScan(() => [{ kind: 'passphrase', value: 'orange' }])
    assert.equal(short.redacted('an orange'), 'an orange')
  })

  it('counts what it found', () => {
    const stream = scan.stream()
    through(stream, ['pk_live_0123456789 ', `${github} `, 'pk_live_0123456789'])
    assert.deepEqual(stream.counts, { 'provider key': 2, 'github token': 1 })
  })

  it('gives ordinary text out at once, and holds back what may be a start', () => {
    const stream = scan.stream()
    assert.equal(stream.push('The weather is mild '), 'The weather is mild ')
    assert.equal(stream.push('Mond'), 'Mond')
    assert.equal(stream.push('ay sk'), 'ay ')
    assert.equal(stream.push('i'), 'ski')
  })

  it('holds no more back than the longest secret', () => {
    const stream = scan.stream()
    const text = `sk-${'x '.repeat(2_500)}`
    assert.ok(stream.push(text).length >= text.length - MAX_SECRET_CHARS)
  })

  it('takes time by the length of a text, also where it is full of secrets', () => {
    const begun = performance.now()
    const text = scan.redacted('AKIAIOSFODNN7EXAMPLE '.repeat(12_000))
    assert.equal(text, '[redacted: aws key] '.repeat(12_000))
    assert.ok(performance.now() - begun < 2_000)
  })

  it('finds the same wherever a text is cut, and never gives a known secret out', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...KNOWN.map(({ value }) => value),
        'pk_live_',
        'correct horse ',
        words.join(' '),
        words.slice(0, 5).join(' '),
        pem,
        pem.slice(0, 40),
        github,
        'sk-',
        'a'.repeat(30),
        'b'.repeat(600),
        ' ',
        '\n',
        '-----BEGIN ',
        'PRIVATE KEY-----',
        '-----END PRIVATE KEY-----',
      ),
      fc.string({ maxLength: 12 }),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 }),
        (pieces, sizes) => {
          const text = pieces.join('')
          const whole = scan.redacted(text)
          assert.equal(through(scan.stream(), chunksOf(text, sizes)), whole)
          for (const { value } of KNOWN) assert.ok(!whole.includes(value))
          assert.ok(!whole.includes(words.join(' ')))
        },
      ),
      { numRuns: 300 },
    )
  })
})

function through(stream: SecretStream, chunks: readonly string[]): string {
  return chunks.map((chunk) => stream.push(chunk)).join('') + stream.end()
}

/** `text` in chunks of `sizes`, again and again. */
function chunksOf(text: string, sizes: readonly number[]): string[] {
  const chunks: string[] = []
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    chunks.push(text.slice(at, at + size))
    at += size
  }
  return chunks
}
