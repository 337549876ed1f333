import assert from 'node:assert/strict'
import { posix, win32 } from 'node:path'
import fc from 'fast-check'
import { findCollisions, isPortableName } from '../../../src/store/backup/names.ts'

describe('names in a backup', () => {
  const good = [
    'a',
    'identity.json',
    'keys/0123456789abcdef.json',
    'workspace/.git/config',
    'workspace/..hidden',
    'workspace/año 2026 (draft).md',
    'workspace/笔记/🌱.txt',
    'console',
    'com10/auxiliary',
    'x'.repeat(255),
    Array(32).fill('d').join('/'),
  ]
  for (const name of good) {
    it(`are taken: ${name.slice(0, 40)}`, () => {
      assert.ok(isPortableName(name))
    })
  }

  const bad: [what: string, name: string][] = [
    ['nothing', ''],
    ['an absolute path', '/etc/passwd'],
    ['the folder above', '../a'],
    ['the folder above, further in', 'workspace/../../a'],
    ['the folder itself', './a'],
    ['an empty part', 'a//b'],
    ['a folder', 'a/'],
    ['a drive', 'C:/a'],
    ['a path of a drive', 'c:a'],
    ['backslashes', 'a\\..\\..\\b'],
    ['a share', '\\\\host\\a'],
    ['a NUL', 'a\0b'],
    ['a line break', 'a\nb'],
    ['an escape', 'a\u001b[2Jb'],
    ['a stream', 'a.txt:hidden'],
    ['a pattern', 'a*'],
    ['a device', 'workspace/CON'],
    ['a device with an ending', 'nul.txt'],
    ['a port', 'workspace/Com1.log'],
    ['a dot at the end', 'a.'],
    ['a blank at the end', 'a '],
    ['half a character', 'a\ud800'],
    ['a part that is too long', 'x'.repeat(256)],
    ['a part whose UTF-8 is too long', 'é'.repeat(128)],
    ['too many folders', Array(33).fill('d').join('/')],
    ['too many bytes', Array(6).fill('x'.repeat(200)).join('/')],
  ]
  for (const [what, name] of bad) {
    it(`are refused: ${what}`, () => {
      assert.equal(isPortableName(name), false)
    })
  }

  it('lead below the folder they are put in, whatever they are', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'b c', '...', 'C:', '\\', '~', 'é')
    const names = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(names, (name) => {
        if (!isPortableName(name)) return
        assert.equal(posix.resolve('/r', name), `/r/${name}`)
        assert.equal(win32.resolve('C:\\r', name), `C:\\r\\${name.replaceAll('/', '\\')}`)
      }),
    )
  })

  it('are refused before they are taken apart when they have millions of parts', () => {
    const before = performance.now()
    assert.equal(isPortableName('/'.repeat(30_000_000)), false)
    assert.ok(performance.now() - before < 200)
  })

  it('that collide by the thousand are found in one go', () => {
    const names = Array.from({ length: 20_000 }, (_, at) => [`w/a${at}`, `w/A${at}`]).flat()
    const before = performance.now()
    assert.equal(findCollisions(names).length, 20_000)
    assert.ok(performance.now() - before < 3_000)
  })

  const collisions: [what: string, names: string[], found: string[]][] = [
    ['the same name', ['a', 'a'], ['a']],
    ['another case', ['workspace/Notes', 'workspace/notes'], ['workspace/notes']],
    ['another case of a folder', ['A/x', 'a/y'], ['a/y']],
    ['a file where a folder is', ['a/b', 'a'], ['a']],
    ['a folder where a file is', ['a', 'A/b'], ['A/b']],
    ['another form of an accent', ['\u00e9', 'e\u0301'], ['e\u0301']],
    ['a ligature', ['\ufb01', 'fi'], ['fi']],
    ['a sharp s', ['straße', 'STRASSE'], ['STRASSE']],
    ['none', ['a/b', 'a/c', 'ab', 'b/a'], []],
    ['all of them', ['a', 'A', 'b', 'B/c', 'A/d', 'e'], ['A', 'B/c', 'A/d']],
  ]
  for (const [what, names, found] of collisions) {
    it(`that collide are found: ${what}`, () => {
      assert.deepEqual(findCollisions(names), found)
    })
  }
})
