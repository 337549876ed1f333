import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ToolKind } from '@agentclientprotocol/sdk'
import { guardedCall, outcomeOf } from '../../../src/agent/engines/acp-calls.ts'
import { HELLO_MS } from '../../../src/agent/engines/acp-pool.ts'
import type { EngineAsk, EngineEvent } from '../../../src/agent/ports.ts'
import type { AcpStep } from '../../helpers/acp-agent.ts'
import { eventually } from '../../helpers/eventually.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { does, makeAcp } from './acp-fixture.ts'
import type { AcpUnderTest } from './acp-fixture.ts'

describe('what an ACP agent wants to do', function () {
  // Each test starts an agent, which is a Node of its own.
  this.timeout(10_000)
  const folder = tempFolder()
  let under: AcpUnderTest

  beforeEach(() => {
    // It asks before all that it does.
    under = makeAcp(folder(), '', { needs: 'read-only' })
  })

  afterEach(() => under.engine.stop())

  const events = (steps: AcpStep[], changes: Partial<EngineAsk>): Promise<EngineEvent[]> =>
    eventsOf(under.engine, askOf(does(...steps), changes))

  const within = (): string => join(folder(), 'a.txt')
  const permission = (kind: ToolKind | null, path?: string): AcpStep =>
    path === undefined ? ['permission', kind, 'it'] : ['permission', kind, 'it', path]

  describe('is judged by its kind', () => {
    const cwd = '/work space'
    const cases: [kind: ToolKind | undefined, path: string | undefined, told: string][] = [
      ['read', '/work space/a', 'read safe'],
      ['read', '/work space', 'read safe'],
      ['read', '/work spaces/a', 'read caution'],
      ['read', '/work space/../a', 'read caution'],
      ['read', 'a', 'read caution'],
      ['read', undefined, 'read caution'],
      ['search', '/work space/a', 'read safe'],
      ['think', undefined, 'read safe'],
      ['edit', '/work space/a', 'write safe'],
      ['edit', '/etc/passwd', 'write caution'],
      ['delete', '/work space/a', 'write caution'],
      ['move', '/work space/a', 'write caution'],
      ['execute', '/work space/a', 'exec caution'],
      ['fetch', undefined, 'network caution'],
      ['switch_mode', undefined, 'exec caution'],
      ['other', '/work space/a', 'exec caution'],
      [undefined, '/work space/a', 'exec caution'],
    ]
    for (const [kind, path, told] of cases) {
      it(`${kind ?? 'none'} at ${path ?? 'no place'}: ${told}`, () => {
        const locations = path === undefined ? [] : [{ path }]
        const call = { toolCallId: '1', locations, ...(kind === undefined ? {} : { kind }) }
        const { risk, tool } = guardedCall(call, cwd)
        assert.equal(`${tool.class} ${risk}`, told)
      })
    }

    it('has another key when its input is another', () => {
      const key = (command: string): string =>
        guardedCall({ toolCallId: '1', kind: 'execute', title: 'run', rawInput: { command } }, cwd)
          .key
      assert.equal(key('ls'), key('ls'))
      assert.notEqual(key('ls'), key('rm -r .'))
    })
  })

  it('is never allowed for more than once', () => {
    const always = { optionId: 'always', name: '', kind: 'allow_always' } as const
    assert.deepEqual(outcomeOf([always], true), { outcome: 'cancelled' })
  })

  it('runs without a question when it is safe', async () => {
    const told = await events([permission('read', within())], { presets: ['read-only'] })
    assert.equal(textOf(told), 'yes')
    assert.equal(under.person.requests.length, 0)
  })

  it('is refused without a question when it is above the preset', async () => {
    const told = await events([permission('edit', within())], { presets: ['read-only'] })
    assert.equal(textOf(told), 'no')
    assert.equal(under.person.requests.length, 0)
    assert.deepEqual(toolStates(told), ['begun', 'denied'])
    assert.equal(endOf(told), 'done')
  })

  for (const { answer, state, text } of [
    { answer: 'granted', text: 'yes', state: 'done' },
    { answer: 'denied', text: 'no', state: 'denied' },
    { answer: 'expired', text: 'no', state: 'denied' },
  ] as const) {
    it(`waits for a person, and is ${state} when it is ${answer}`, async () => {
      under.person.answers.push(answer)
      const told = await events([permission('execute')], { presets: ['full'] })
      assert.equal(textOf(told), text)
      assert.deepEqual(toolStates(told), ['begun', state])
      const states = told.map((event) => (event.kind === 'approval' ? event.state : ''))
      assert.deepEqual(states.filter(Boolean), ['waiting', answer])
      assert.equal(under.person.requests[0]?.what, 'execute: it')
    })
  }

  it('waits for a person when its class does', async () => {
    under.person.answers.push('granted')
    const asked = { presets: ['write'], approve: ['write'] }
    const told = await events([permission('edit', within())], asked)
    assert.equal(textOf(told), 'yes')
    assert.equal(under.person.requests[0]?.toolClass, 'write')
  })

  it('does not outlive the node while it waits', async () => {
    const aborting = new AbortController()
    const asked = askOf(does(permission('execute')), { presets: ['full'] })
    for await (const event of under.engine.run(asked, aborting.signal)) {
      if (event.kind === 'approval') aborting.abort()
    }
    const [request] = under.person.requests
    assert.ok(request !== undefined)
    const resume = { approval: 'approval-1', checkpoint: request.checkpoint }
    const told = await eventsOf(under.engine, { ...asked, resume })
    assert.deepEqual(endOf(told), { code: 'interrupted', details: {} })
  })

  describe('with files, through us,', () => {
    it('reads those of the workspace, as many lines as it wants', async () => {
      await writeFile(within(), 'a\nb\nc\nd')
      const told = await events([['read', within(), 2, 2]], { presets: ['read-only'] })
      assert.equal(textOf(told), 'b\nc')
    })

    it('writes them when the preset is enough', async () => {
      const told = await events([['write', within(), 'new']], { presets: ['write'] })
      assert.equal(textOf(told), 'written')
      assert.equal(await readFile(within(), 'utf8'), 'new')
    })

    const refused = [
      { path: 'a.txt', preset: 'read-only' },
      { path: '../out.txt', preset: 'write' },
      { path: '.hidden', preset: 'write' },
    ]
    for (const { path, preset } of refused) {
      it(`does not write ${path} with ${preset}`, async () => {
        const full = `${folder()}/${path}`
        const told = await events([['write', full, 'new']], { presets: [preset] })
        assert.equal(textOf(told), 'refused')
        await assert.rejects(readFile(full), { code: 'ENOENT' })
      })
    }
  })

  describe('when it breaks', () => {
    const full = { presets: ['full'] }

    it('fails with how it ended and what it said last, without secrets', async () => {
      await assert.rejects(events([['exit', 7]], full), (err: Error) => {
        assert.match(err.message, /ended with exit code 7; it said last: out of \[redacted\] tea$/u)
        return true
      })
    })

    it('fails when it says more than an answer may have', async () => {
      const told = await events([['flood', 600, 16_000]], full)
      const end = told.at(-1)
      assert.ok(end?.kind === 'failed' && end.code === 'too-large')
    })

    it('fails when it writes a line without an end', async () => {
      await assert.rejects(events([['line']], full), { code: 'program-failed' })
    })

    const modes = [
      { mode: 'old', says: /speaks version 0 of the protocol, and not 1/u },
      { mode: 'login', says: /wants somebody to log in/u },
    ]
    for (const { mode, says } of modes) {
      it(`fails in its mode ${mode}`, async () => {
        under = makeAcp(folder(), mode)
        await assert.rejects(events([], full), says)
        await under.engine.stop()
      })
    }

    it('fails when it says no hello in time', async () => {
      under = makeAcp(folder(), 'mute')
      const failing = assert.rejects(events([], full), /said no hello within 30 s/u)
      await eventually(() => {
        assert.equal(under.clock.timers, 1)
      })
      under.clock.advance(HELLO_MS)
      await failing
    })
  })
})

function toolStates(events: readonly EngineEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'tool' ? [event.state] : []))
}
