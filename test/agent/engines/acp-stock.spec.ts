import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineAsk } from '../../../src/agent/ports.ts'
import { ModelServer } from '../../helpers/model-server.ts'
import { OPENCODE, needsOpencode, opencodeEnv } from '../../helpers/opencode.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { OWN_ID, askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { makeAcp } from './acp-fixture.ts'
import type { AcpUnderTest } from './acp-fixture.ts'
import { ENV } from './program-fixture.ts'

describe('AcpEngine with opencode', function () {
  this.timeout(120_000)
  const folder = tempFolder()
  let server: ModelServer
  let under: AcpUnderTest

  before(needsOpencode)

  beforeEach(async () => {
    server = await ModelServer.start()
    const work = join(folder(), 'work')
    await mkdir(work)
    under = makeAcp(work, '', {
      argv: [OPENCODE, 'acp'],
      env: {
        PATH: ENV['PATH'] ?? '',
        ...(await opencodeEnv(folder(), configOf(server.url))),
      },
      needs: 'read-only',
    })
  })

  afterEach(async () => {
    await under.engine.stop()
    await server.stop()
  })

  it('answers from its model, and asks us before it runs a command', async () => {
    const asked = (text: string): EngineAsk =>
      askOf(text, { asker: { name: 'self', id: OWN_ID }, presets: ['full'] })
    const input = { command: 'echo tea > made.txt', description: 'makes tea' }
    server.otherwise = ({ body: { messages, tools } }) => {
      // It has its model make up a title too, without tools.
      if (tools === undefined) return { kind: 'text', text: 'Tea' }
      if (messages.at(-1)?.role === 'tool') return { kind: 'text', text: 'The tea is made.' }
      return { kind: 'tools', calls: [{ name: 'bash', input }] }
    }
    under.person.answers.push('granted')
    const events = await eventsOf(under.engine, asked('make tea'))
    assert.equal(endOf(events), 'done')
    assert.equal(textOf(events), 'The tea is made.')
    const states = events.map((event) => ('state' in event ? `${event.kind} ${event.state}` : ''))
    assert.deepEqual(states.filter(Boolean), [
      'tool begun',
      'approval waiting',
      'approval granted',
      'tool done',
    ])
    assert.equal(existsSync(join(folder(), 'work/made.txt')), true)
    assert.match(under.person.requests[0]?.what ?? '', /^execute: .*echo tea > made\.txt/u)
  })
})

/** Settings with one model, of `url` alone, and a question before each command. */
function configOf(url: string): object {
  return {
    model: 'local/small',
    small_model: 'local/small',
    autoupdate: false,
    share: 'disabled',
    enabled_providers: ['local'],
    permission: { bash: 'ask' },
    provider: {
      local: {
        npm: '@ai-sdk/openai-compatible',
        options: { baseURL: url, apiKey: 'none' },
        models: { small: { name: 'small', tool_call: true } },
      },
    },
  }
}
