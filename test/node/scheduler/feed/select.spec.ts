import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  SETTLE_MS,
  accepts,
  forget,
  isNew,
  isSettled,
  positionOf,
  refusalOf,
} from '../../../../src/node/scheduler/feed/select.ts'
import type { FolderFile } from '../../../../src/node/scheduler/feed/select.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

function file(name: string, row: Partial<FolderFile> = {}): FolderFile {
  return { name, changed: changedAt(NOW), inode: '7', sizeBytes: 10, regular: true, ...row }
}

function changedAt(ms: number): string {
  return String(BigInt(ms) * 1_000_000n).padStart(20, '0')
}

describe('names that a feed takes', () => {
  for (const [pattern, name, taken] of [
    ['*.md', 'a.md', true],
    ['*.md', '.md', false],
    ['*.md', 'a.md.part', false],
    ['*.md', 'a.MD', false],
    ['*', 'a b\nc', true],
    ['*', '.hidden', false],
    ['*', 'a.part', false],
    ['letter.txt', 'letter.txt', true],
    ['letter.txt', 'letter_txt', false],
    ['in-*-of-*.json', 'in-1-of-2.json', true],
    ['in-*-of-*.json', 'in-of-2.json', false],
    ['a*a', 'a', false],
    ['ab*b*b', 'abb', false],
    ['ab*b*b', 'abbb', true],
    ['*.*.*', 'a.b', false],
  ] as const) {
    it(`${taken ? 'are' : 'are not'} ${JSON.stringify(name)} where ${pattern} is accepted`, () => {
      assert.equal(accepts([pattern], name), taken)
    })
  }

  it('are those that the same pattern matches as a regular expression', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 6 })
    const names = fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 })
    fc.assert(
      fc.property(letters, names, (pattern, name) => {
        const expression = new RegExp(`^${pattern.join('').replaceAll('*', '.*')}$`)
        assert.equal(accepts([pattern.join('')], name.join('')), expression.test(name.join('')))
      }),
    )
  })
})

describe('a file of a feed', () => {
  it('is new after the cursor, until it was seen, and again when it has changed', () => {
    const a = file('a')
    assert.ok(isNew(a, '', new Map()))
    assert.ok(!isNew(a, '', new Map([['a', a]])))
    for (const change of [
      { changed: changedAt(NOW + 1) },
      { inode: '8' },
      { sizeBytes: 11 },
    ] as const) {
      assert.ok(isNew({ ...a, ...change }, '', new Map([['a', a]])))
    }
  })

  it('is decided at the cursor and before it, whatever else is forgotten', () => {
    const [a, b] = [file('a'), file('b')]
    assert.ok(!isNew(a, positionOf(a), new Map()))
    assert.ok(isNew(b, positionOf(a), new Map()))
    assert.ok(!isNew(b, positionOf(file('0', { changed: changedAt(NOW + 1) })), new Map()))
  })

  it('is whole once it was left alone for a while, and when its time lies far ahead', () => {
    for (const [ms, settled] of [
      [SETTLE_MS, true],
      [SETTLE_MS - 1, false],
      [0, false],
      [-SETTLE_MS + 1, false],
      [-SETTLE_MS, true],
    ] as const) {
      assert.equal(isSettled(file('a', { changed: changedAt(NOW - ms) }), NOW), settled, String(ms))
    }
  })

  it('is refused when it is no file, or too long', () => {
    const rule = { maxBytes: 10 }
    assert.equal(refusalOf(file('a'), rule), undefined)
    assert.equal(refusalOf(file('a', { regular: false }), rule), 'is no regular file')
    const long = file('a', { sizeBytes: 11 })
    assert.equal(refusalOf(long, rule), 'has 11 bytes; at most 10 are taken')
  })
})

describe('forgetting what was seen', () => {
  const files = [0, 1, 2, 3].map((at) => file(`f${at}`, { changed: changedAt(NOW + at) }))
  const names = (gone: readonly { name: string }[]): string[] => gone.map(({ name }) => name)

  it('takes the oldest, and moves the cursor over them', () => {
    const { cursor, gone } = forget(files.toReversed(), 2, '', undefined)
    assert.deepEqual(names(gone), ['f0', 'f1'])
    assert.ok(files.slice(0, 2).every((one) => !isNew(one, cursor, new Map())))
    assert.ok(files.slice(2).every((one) => isNew(one, cursor, new Map())))
  })

  it('takes nothing up to the cap', () => {
    assert.deepEqual(forget(files, 4, 'x', undefined), { gone: [], cursor: 'x' })
  })

  it('never passes a file that still waits', () => {
    const waiting = file('w', { changed: changedAt(NOW + 1) })
    const { cursor, gone } = forget(files, 1, '', positionOf(waiting))
    assert.deepEqual(names(gone), ['f0', 'f1'])
    assert.ok(isNew(waiting, cursor, new Map()))
    const first = file('0', { changed: changedAt(NOW) })
    assert.deepEqual(forget(files, 1, '', positionOf(first)), { gone: [], cursor: '' })
  })

  it('never moves the cursor back', () => {
    const ahead = positionOf(file('z', { changed: changedAt(NOW + 9) }))
    assert.equal(forget(files, 2, ahead, undefined).cursor, ahead)
  })
})
