import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RotatingFile } from '../../src/store/rotating-file.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('a rotating file', () => {
  const folder = tempFolder()

  function path(): string {
    return join(folder(), 'logs', 'agent.log')
  }

  function make(maxBytes = 10): RotatingFile {
    return new RotatingFile({ path: path(), maxBytes, keep: 2 })
  }

  function lines(age = 0): string {
    return readFileSync(age === 0 ? path() : `${path()}.${age}`, 'utf8')
  }

  it('has each line on return, in a private file in a private folder', () => {
    const file = make()
    file.write('one')
    assert.equal(lines(), 'one\n')
    assert.equal(statSync(path()).mode & 0o777, 0o600)
    assert.equal(statSync(join(path(), '..')).mode & 0o777, 0o700)
    file.close()
  })

  it('is filled to its limit and no further', () => {
    const file = make()
    for (const line of ['1234', '6789', 'next']) file.write(line)
    assert.deepEqual([lines(1), lines()], ['1234\n6789\n', 'next\n'])
    file.close()
  })

  it('keeps so many older ones, and forgets the oldest', () => {
    const file = make(1)
    for (const line of ['a', 'b', 'c', 'd']) file.write(line)
    assert.deepEqual([lines(2), lines(1), lines()], ['b\n', 'c\n', 'd\n'])
    assert.equal(existsSync(`${path()}.3`), false)
    file.close()
  })

  it('takes a line that is longer than the limit, alone', () => {
    const file = make()
    file.write('a line that is longer')
    file.write('x')
    assert.deepEqual([lines(1), lines()], ['a line that is longer\n', 'x\n'])
    file.close()
  })

  it('goes on where the last process ended', () => {
    const first = make()
    first.write('12345678')
    first.close()
    const second = make()
    second.write('ab')
    assert.deepEqual([lines(1), lines()], ['12345678\n', 'ab\n'])
    second.close()
  })

  it('follows no link', () => {
    const target = join(folder(), 'target')
    writeFileSync(target, 'mine')
    const link = join(folder(), 'link.log')
    symlinkSync(target, link)
    const file = new RotatingFile({ path: link, maxBytes: 10, keep: 1 })
    assert.throws(
      () => {
        file.write('x')
      },
      { code: 'unsafe-file' },
    )
    assert.equal(readFileSync(target, 'utf8'), 'mine')
  })
})
