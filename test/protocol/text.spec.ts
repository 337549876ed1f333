import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TerminalSafeStream, singleLine, terminalSafe } from '../../src/protocol/text.ts'

const ESC = '\x1b'

describe('terminalSafe', () => {
  const stripped = [
    { title: 'CSI: colour', text: `a${ESC}[1;31mb${ESC}[0mc`, safe: 'abc' },
    { title: 'CSI: cursor and erase', text: `a${ESC}[2J${ESC}[Hb`, safe: 'ab' },
    { title: 'CSI: private and intermediate', text: `a${ESC}[?25l${ESC}[4 qb`, safe: 'ab' },
    { title: 'CSI in 8 bits', text: 'a\x9b31mb', safe: 'ab' },
    { title: 'CSI without an end', text: `a${ESC}[31`, safe: 'a' },
    { title: 'CSI that a newline breaks off', text: `a${ESC}[31\nb`, safe: 'a\nb' },
    { title: 'CSI that a letter beyond ASCII breaks off', text: `a${ESC}[31é`, safe: 'aé' },
    { title: 'OSC 0: title', text: `a${ESC}]0;title\x07b`, safe: 'ab' },
    {
      title: 'OSC 8: link',
      text: `${ESC}]8;;https://evil.example\x07bank${ESC}]8;;\x07`,
      safe: 'bank',
    },
    { title: 'OSC 52: clipboard', text: `a${ESC}]52;c;cm0gLXJm${ESC}\\b`, safe: 'ab' },
    { title: 'OSC in 8 bits', text: 'a\x9d52;c;x\x9cb', safe: 'ab' },
    { title: 'OSC that CAN cancels', text: `a${ESC}]0;x\x18b`, safe: 'ab' },
    { title: 'OSC that SUB cancels', text: `a${ESC}]0;x\x1ab`, safe: 'ab' },
    { title: 'OSC that a new sequence cancels', text: `a${ESC}]0;x${ESC}[31mb`, safe: 'ab' },
    { title: 'OSC without an end', text: `a${ESC}]52;c;cm0`, safe: 'a' },
    { title: 'OSC without an end in its line', text: `a${ESC}]52;c;cm0\nb`, safe: 'a\nb' },
    { title: 'DCS', text: `a${ESC}P1$r0m${ESC}\\b`, safe: 'ab' },
    { title: 'APC', text: `a${ESC}_Gf=100;AAAA${ESC}\\b`, safe: 'ab' },
    { title: 'PM', text: `a${ESC}^x${ESC}\\b`, safe: 'ab' },
    { title: 'SOS', text: `a${ESC}Xx${ESC}\\b`, safe: 'ab' },
    {
      title: 'DCS, APC, PM and SOS in 8 bits',
      text: 'a\x90x\x9c\x9fx\x9c\x9ex\x9c\x98x\x9cb',
      safe: 'ab',
    },
    { title: 'reset', text: `a${ESC}cb`, safe: 'ab' },
    { title: 'character set', text: `a${ESC}(0b`, safe: 'ab' },
    { title: 'an ESC at the end', text: `a${ESC}`, safe: 'a' },
    { title: 'an ESC after an ESC', text: `a${ESC}${ESC}[31mb`, safe: 'ab' },
    { title: 'an ESC before a newline', text: `a${ESC}\nb`, safe: 'a\nb' },
    { title: 'C0 controls', text: 'a\0\x01\x07\x08\x0b\x0c\x0e\x1fb', safe: 'ab' },
    { title: 'DEL and C1 controls', text: 'a\x7f\x80\x84\x85\x8d\x99\x9cb', safe: 'ab' },
    { title: 'CR, which would overwrite', text: 'danger\rsafe\r\nnext', safe: 'dangersafe\nnext' },
    {
      title: 'bidi embeddings and overrides',
      text: 'a\u202a\u202b\u202c\u202d\u202eb',
      safe: 'ab',
    },
    { title: 'bidi isolates', text: 'a\u2066\u2067\u2068\u2069b', safe: 'ab' },
    { title: 'bidi marks', text: 'a\u200e\u200f\u061cb', safe: 'ab' },
    { title: 'line and paragraph separators', text: 'a\u2028b\u2029c', safe: 'a\nb\nc' },
    { title: 'a byte order mark', text: '\ufeffa', safe: 'a' },
    { title: 'zero width', text: 'a\u200b\u200c\u200d\u2060\u00ad\u180eb', safe: 'ab' },
    { title: 'tags', text: 'a\u{e0001}\u{e0041}\u{e007f}b', safe: 'ab' },
    { title: 'variation selectors', text: 'a\ufe0f\u{e0100}b', safe: 'ab' },
    { title: 'annotations and fillers', text: 'a\ufff9\ufffa\ufffb\u3164\u115fb', safe: 'ab' },
    { title: 'a high surrogate alone', text: 'a\ud83db', safe: 'a\ufffdb' },
    { title: 'a high surrogate at the end', text: 'a\ud83d', safe: 'a\ufffd' },
    { title: 'a low surrogate alone', text: 'a\ude00b', safe: 'a\ufffdb' },
  ]
  for (const { title, text, safe } of stripped) {
    it(`strips ${title}`, () => {
      assert.equal(terminalSafe(text), safe)
    })
  }

  const kept = ['', 'plain', 'a\n\tb\n', 'Grüße, 世界, עברית, 😀, e\u0301', '[31m ]0; \\ ^ _ P X']
  for (const text of kept) {
    it(`keeps ${JSON.stringify(text)}`, () => {
      assert.equal(terminalSafe(text), text)
    })
  }

  it('lets nothing through that it is there to strip', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        const safe = terminalSafe(text)
        assert.ok(safe.isWellFormed())
        for (const character of safe) assert.ok(!isTrouble(character), JSON.stringify(character))
      }),
    )
  })

  it('does nothing more the second time', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        assert.equal(terminalSafe(terminalSafe(text)), terminalSafe(text))
      }),
    )
  })

  it('keeps all of a text without controls', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const harmless = Array.from(text)
          .filter((character) => /[\n\t\p{L}\p{N}\p{P}\p{S}\p{M}\p{Zs}]/u.test(character))
          .filter((character) => !/\p{Default_Ignorable_Code_Point}/u.test(character))
          .join('')
        assert.equal(terminalSafe(harmless), harmless)
      }),
    )
  })
})

describe('TerminalSafeStream', () => {
  it('gives the same as for the whole, however the text is cut', () => {
    fc.assert(
      fc.property(hostileText(), fc.array(fc.nat(40)), (text, lengths) => {
        assert.equal(throughStream(cut(text, lengths)), terminalSafe(text))
      }),
      { numRuns: 2_000 },
    )
  })

  const whole = `a${ESC}]8;;x${ESC}\\b${ESC}[1;31mc😀\r\n${ESC}(0d\u202ee`
  for (let at = 0; at <= whole.length; at++) {
    it(`gives the same when cut at ${at}`, () => {
      assert.equal(throughStream([whole.slice(0, at), whole.slice(at)]), 'abc😀\nde')
    })
  }

  it('gives a chunk out at once', () => {
    const stream = new TerminalSafeStream()
    assert.equal(stream.push('first '), 'first ')
    assert.equal(stream.push(`second${ESC}[`), 'second')
  })

  it('keeps nothing of a string without an end', () => {
    const stream = new TerminalSafeStream()
    assert.equal(stream.push(`${ESC}]52;c;`), '')
    for (let chunk = 0; chunk < 1_000; chunk++) assert.equal(stream.push('A'.repeat(1_000)), '')
    assert.equal(stream.push('\x07visible'), 'visible')
    assert.equal(stream.end(), '')
  })

  it('starts afresh after its end', () => {
    const stream = new TerminalSafeStream()
    stream.push(`\ud83d${ESC}]0;`)
    assert.equal(stream.end(), '\ufffd')
    assert.equal(stream.push('b') + stream.end(), 'b')
  })
})

describe('singleLine', () => {
  const lines = [
    { text: 'short', max: 10, line: 'short' },
    { text: 'exactly10!', max: 10, line: 'exactly10!' },
    { text: 'eleven char', max: 10, line: 'eleven ch…' },
    { text: '😀😀😀', max: 3, line: '😀😀😀' },
    { text: '😀😀😀😀', max: 3, line: '😀😀…' },
    { text: '  two\n\n\t lines \n', max: 20, line: 'two lines' },
    { text: `a${ESC}[31m\u2028b\u00a0 c`, max: 20, line: 'a b c' },
    { text: '\n', max: 5, line: '' },
    { text: 'x', max: 1, line: 'x' },
    { text: 'xy', max: 1, line: '…' },
  ]
  for (const { text, max, line } of lines) {
    it(`makes ${JSON.stringify(text)} ${JSON.stringify(line)}, within ${max}`, () => {
      assert.equal(singleLine(text, max), line)
    })
  }

  it('is one safe line within its length, for any text', () => {
    fc.assert(
      fc.property(hostileText(), fc.integer({ min: 1, max: 20 }), (text, max) => {
        const line = singleLine(text, max)
        assert.ok(Array.from(line).length <= max)
        assert.doesNotMatch(line, /[\n\t]/u)
        assert.equal(terminalSafe(line), line)
      }),
    )
  })
})

/** Texts made of the parts that escape sequences are made of. */
function hostileText(): fc.Arbitrary<string> {
  const parts = [
    ...[ESC, '[', ']', '\\', 'P', 'X', '_', '^', '(', ' ', '0', ';', 'm', 'a', 'é'],
    ...['\x07', '\x18', '\x1a', '\n', '\r', '\t', '\x7f', '\x90', '\x9b', '\x9c', '\x9d'],
    ...['\ud83d', '\ude00', '\u202e', '\u2028', '\ufeff', '\u200d', '\u{e0041}'],
  ]
  const part = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...parts) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
  )
  return fc.array(part, { maxLength: 40 }).map((all) => all.join(''))
}

/** `text` in chunks of these lengths, which may be 0, and the rest. */
function cut(text: string, lengths: readonly number[]): string[] {
  const chunks: string[] = []
  let from = 0
  for (const length of lengths) {
    chunks.push(text.slice(from, from + length))
    from += length
  }
  return [...chunks, text.slice(from)]
}

function throughStream(chunks: readonly string[]): string {
  const stream = new TerminalSafeStream()
  return chunks.map((chunk) => stream.push(chunk)).join('') + stream.end()
}

/** The ranges as a list of their own, apart from the pattern under test. */
function isTrouble(character: string): boolean {
  const ranges = [
    [0x00, 0x08],
    [0x0b, 0x1f],
    [0x7f, 0x9f],
    [0x061c, 0x061c],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x2069],
    [0xfeff, 0xfeff],
    [0xe0000, 0xe007f],
  ] as const
  const point = character.codePointAt(0) ?? 0
  return ranges.some(([first, last]) => point >= first && point <= last)
}
