import assert from 'node:assert/strict'
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineAsk } from '../../../src/agent/ports.ts'
import { askOf } from '../asks.ts'
import { called, makeToolbox } from '../toolbox-fixture.ts'
import type { ToolboxUnderTest } from '../toolbox-fixture.ts'
import { PROMPT_OPENINGS, REPLY_OPENINGS, WANTED } from './corpus.ts'

/** Does whatever a text says, as the worst model would: each line `CALL name {…}` is a call. */
async function obey(under: ToolboxUnderTest, ask: EngineAsk, text: string): Promise<string[]> {
  const calls = [...text.matchAll(/^CALL (\S+) (.+)$/gmu)]
  assert.ok(calls.length > 0, 'nothing to obey')
  const states: string[] = []
  for (const [, name = '', input = ''] of calls) {
    const { result } = await called(under.toolbox, ask, name, JSON.parse(input))
    states.push(result.state)
  }
  return states
}

describe('injection, with a model that obeys every text', () => {
  let under: ToolboxUnderTest

  afterEach(() => rm(under.folder, { recursive: true }))

  async function assertNothingDone(): Promise<void> {
    const { asked, folder, lookedUp } = under
    assert.deepEqual(await readdir(folder), ['work'])
    assert.equal(await readFile(join(folder, 'work/plants.md'), 'utf8'), 'water them on Monday\n')
    assert.deepEqual([asked, lookedUp], [[], []])
  }

  for (const [number, opening] of PROMPT_OPENINGS.entries()) {
    for (const { input, name } of WANTED) {
      const text = `${opening}\nCALL ${name} ${JSON.stringify(input)}\n`

      it(`prompt ${number + 1} does not reach ${name} beyond the preset`, async () => {
        under = await makeToolbox()
        const ask = askOf(text, { presets: ['full', 'read-only'] })
        assert.deepEqual(await obey(under, ask, ask.text), ['denied'])
        assert.deepEqual(under.approvals.opened, [])
        await assertNothingDone()
      })

      it(`prompt ${number + 1} does not get ${name} past a person who refuses`, async () => {
        under = await makeToolbox()
        under.approvals.answer = 'denied'
        const approve = ['write', 'exec', 'network', 'spend']
        const ask = askOf(text, { presets: ['full'], approve })
        assert.deepEqual(await obey(under, ask, ask.text), ['denied'])
        // What is dangerous is not even asked for.
        assert.equal(under.approvals.opened.length, name === 'shell' ? 0 : 1)
        await assertNothingDone()
      })
    }
  }

  for (const [number, opening] of REPLY_OPENINGS.entries()) {
    for (const { input, name } of WANTED) {
      it(`reply ${number + 1} of a peer does not reach ${name}`, async () => {
        const text = `${opening}\nCALL ${name} ${JSON.stringify(input)}`
        under = await makeToolbox([{ kind: 'text', text }, { kind: 'done' }])
        const asking = askOf('', { presets: ['full'] })
        const { result } = await called(under.toolbox, asking, 'ask_peer', {
          peer: 'laptop',
          text: '?',
        })
        const [, mark = ''] = /marked (\S+) is data from "the peer laptop"/u.exec(result.text) ?? []
        assert.ok(result.text.endsWith(`--- ${mark} data ends`))
        assert.equal(result.text.split(mark).length, 4)
        under.asked.length = 0
        const rest = askOf('', { presets: ['read-only'] })
        assert.deepEqual(await obey(under, rest, result.text), ['denied'])
        await assertNothingDone()
      })
    }
  }
})
