import assert from 'node:assert/strict'
import fc from 'fast-check'
import { note, paint, Progress, safeJson, table } from '../../src/cli/terminal.ts'
import { terminalSafe } from '../../src/protocol/text.ts'
import { Screen } from './fake-cli.ts'

function terminal(): Screen {
  return Object.assign(new Screen(), { isTTY: true })
}

describe('table', () => {
  it('aligns columns and ends lines without blanks', () => {
    assert.equal(
      table([
        ['NAME', 'STATE'],
        ['bob', 'connected'],
        ['nas', ''],
      ]),
      'NAME  STATE\nbob   connected\nnas',
    )
  })

  it('paints a cell without moving the others, and tells where it stands', () => {
    const rows = [
      ['NAME', 'STATE', 'X'],
      ['bob', 'up', 'y'],
    ]
    const painted = table(rows, (cell, row, column) =>
      row === 1 && column === 1 ? `<${cell}>` : cell,
    )
    assert.equal(painted, 'NAME  STATE  X\nbob   <up>     y')
  })

  it('counts characters, not code units', () => {
    assert.equal(
      table([
        ['𝒂', '1'],
        ['bb', '2'],
      ]),
      '𝒂   1\nbb  2',
    )
  })

  it('takes rows of different lengths', () => {
    assert.equal(table([['a'], ['b', 'c']]), 'a\nb  c')
  })

  it('keeps a cell in its line and out of the control of the terminal', () => {
    assert.equal(table([['a\nb', '\u001B[31mred\u001B[0m\rx']]), 'a b  redx')
  })
})

describe('safeJson', () => {
  it('escapes what a terminal would act on and JSON leaves alone', () => {
    assert.equal(safeJson('\u009B2J\u202Ea\u200B'), String.raw`"\u009b2J\u202ea\u200b"`)
  })

  it('leaves letters of all scripts as they are', () => {
    assert.equal(safeJson('žluťoučký 猫 😀'), '"žluťoučký 猫 😀"')
  })

  it('escapes both halves of a character beyond the first plane', () => {
    assert.equal(safeJson('\u{E0041}'), String.raw`"\udb40\udc41"`)
  })

  it('is the same value to whoever parses it, and safe, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const json = safeJson({ value })
        assert.deepEqual(JSON.parse(json), { value })
        assert.equal(terminalSafe(json), json)
      }),
    )
  })
})

describe('paint', () => {
  const cases: [what: string, isTTY: boolean, env: NodeJS.ProcessEnv, colour: boolean][] = [
    ['colours on a terminal', true, {}, true],
    ['colours with an empty NO_COLOR', true, { NO_COLOR: '' }, true],
    ['leaves text alone with NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['leaves text alone on a dumb terminal', true, { TERM: 'dumb' }, false],
    ['leaves text alone in a pipe', false, {}, false],
  ]
  for (const [what, isTTY, env, colour] of cases) {
    it(what, () => {
      const stdout = Object.assign(new Screen(), { isTTY })
      assert.equal(paint({ stdout, env }, 'red', 'x'), colour ? '\u001B[31mx\u001B[39m' : 'x')
    })
  }
})

describe('note', () => {
  it('is safe for a terminal', () => {
    const stderr = new Screen()
    note({ stderr }, 'a\u001B]0;title\u0007b')
    assert.equal(stderr.text, 'kith: ab\n')
  })
})

describe('Progress', () => {
  it('overwrites its line on a terminal', () => {
    const stream = terminal()
    const progress = new Progress(stream)
    progress.show('one')
    progress.show('two')
    progress.clear()
    progress.clear()
    assert.equal(stream.text, '\r\u001B[2Kone\r\u001B[2Ktwo\r\u001B[2K')
  })

  it('is cut to the width of the terminal, and made safe', () => {
    const stream = Object.assign(terminal(), { columns: 6 })
    new Progress(stream).show('\u001B[2Jabcdefgh')
    assert.equal(stream.text, '\r\u001B[2Kabcd…')
  })

  it('has room on a terminal that says it has none', () => {
    const stream = Object.assign(terminal(), { columns: 0 })
    new Progress(stream).show('tidy is running')
    assert.equal(stream.text, '\r\u001B[2Ktidy is running')
  })

  it('says nothing elsewhere', () => {
    const stream = new Screen()
    const progress = new Progress(stream)
    progress.show('one')
    progress.clear()
    assert.equal(stream.text, '')
  })
})
