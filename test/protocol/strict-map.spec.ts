import assert from 'node:assert/strict'
import { z } from 'zod'
import { nearest } from '../../src/protocol/nearest.ts'
import { strictMap } from '../../src/protocol/strict-map.ts'

const known = ['allow', 'name', 'per_minute', 'max_seconds', 'id']

describe('strict map', () => {
  const map = strictMap({ name: z.string(), allow: z.string().default('') })

  it('takes the keys that it names', () => {
    assert.deepEqual(map.parse({ name: 'a' }), { name: 'a', allow: '' })
  })

  it('names each key that it does not know, and which was meant', () => {
    const issues = map.safeParse({ name: 'a', alow: '', colour: '' }).error?.issues
    assert.deepEqual(
      issues?.map(({ message }) => message),
      ['unknown key alow (did you mean allow?), colour'],
    )
  })

  it('leaves other messages as they are', () => {
    assert.match(map.safeParse({ name: 1 }).error?.issues[0]?.message ?? '', /expected string/)
  })

  for (const key of ['__proto__', 'constructor', 'toString']) {
    it(`refuses a key ${key}`, () => {
      const value: unknown = JSON.parse(`{ "name": "a", "${key}": {} }`)
      assert.equal(map.safeParse(value).success, false)
    })
  }

  const words: [word: string, meant: string | undefined][] = [
    ['per-minute', 'per_minute'],
    ['perMinute', 'per_minute'],
    ['max_second', 'max_seconds'],
    ['Allow', 'allow'],
    ['nmae', 'name'],
    ['zzze', undefined],
    ['nam', 'name'],
    ['i', undefined],
    ['ids', 'id'],
    ['xy', undefined],
    ['colour', undefined],
    ['', undefined],
    ['allow', 'allow'],
  ]
  for (const [word, meant] of words) {
    it(`takes ${JSON.stringify(word)} for ${meant ?? 'nothing known'}`, () => {
      assert.equal(nearest(word, known), meant)
    })
  }
})
