import assert from 'node:assert/strict'
import { launchdPlist } from '../../../src/node/service/launchd-plist.ts'

const PROGRAM = ['/usr/bin/node', '/opt/a & b/<kith>.js'] as const

describe('the agent for launchd', () => {
  const plist = read(launchdPlist({ program: PROGRAM, home: '/Users/ann/.kith' }))

  it('F57: starts the daemon of this home in the foreground, by absolute paths', () => {
    const args = [...PROGRAM, '--home', '/Users/ann/.kith', 'daemon', 'start', '--foreground']
    assert.deepEqual(plist['ProgramArguments'], args)
  })

  it('G04: is started again only when it fails, and has files enough', () => {
    assert.deepEqual(plist['KeepAlive'], { SuccessfulExit: false })
    assert.deepEqual(plist['SoftResourceLimits'], { NumberOfFiles: 65_536 })
    assert.equal(plist['RunAtLoad'], true)
  })

  it('F57: has no passphrase and no environment', () => {
    assert.equal('EnvironmentVariables' in plist, false)
  })
})

type Plist = boolean | number | string | Plist[] | { [key: string]: Plist }

/** A property list as XML 1.0 and its DTD have it. Throws at whatever is not in place. */
function read(text: string): { [key: string]: Plist } {
  const tokens = text.match(/<[^>]*>|[^<]+/g)?.filter((token) => token.trim() !== '') ?? []
  assert.match(tokens.shift() ?? '', /^<\?xml version="1\.0" encoding="UTF-8"\?>$/)
  assert.match(tokens.shift() ?? '', /^<!DOCTYPE plist /)
  expect('<plist version="1.0">')
  const plist = value()
  expect('</plist>')
  assert.deepEqual(tokens, [])
  assert.ok(typeof plist === 'object' && !Array.isArray(plist))
  return plist

  function expect(token: string): void {
    assert.equal(tokens.shift(), token)
  }

  function value(): Plist {
    const tag = tokens.shift()
    switch (tag) {
      case '<true/>':
        return true
      case '<false/>':
        return false
      case '<string>':
        return content('string')
      case '<integer>':
        return Number(content('integer'))
      case '<array>':
        return until('</array>', value)
      case '<dict>':
        return Object.fromEntries(
          until('</dict>', (): [string, Plist] => {
            expect('<key>')
            return [content('key'), value()]
          }),
        )
      default:
        throw new Error(`no value: ${tag ?? 'the end'}`)
    }
  }

  function content(tag: string): string {
    const text = tokens.shift() ?? ''
    assert.doesNotMatch(text, /[<>]|&(?!amp;|lt;|gt;)/)
    expect(`</${tag}>`)
    return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
  }

  function until<T>(end: string, one: () => T): T[] {
    const all: T[] = []
    while (tokens[0] !== end) all.push(one())
    expect(end)
    return all
  }
}
