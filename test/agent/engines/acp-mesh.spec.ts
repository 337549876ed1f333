import assert from 'node:assert/strict'
import type { EngineAsk } from '../../../src/agent/ports.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { OWN_ID, askOf, eventsOf, textOf } from '../asks.ts'
import { does, makeAcp } from './acp-fixture.ts'
import type { AcpUnderTest } from './acp-fixture.ts'

const MESH = { name: 'kith', command: '/bin/node', args: ['kith.js', 'mcp'], env: [] }
const OWNER = { name: 'self', id: OWN_ID }

describe('AcpEngine with the mesh', () => {
  const folder = tempFolder()
  let under: AcpUnderTest

  beforeEach(() => {
    under = makeAcp(folder(), '', { mesh: MESH, needs: 'read-only' })
  })
  afterEach(() => under.engine.stop())

  async function serversOf(changes: Partial<EngineAsk>): Promise<unknown> {
    const ask = askOf(does(['servers']), { presets: ['full'], ...changes })
    return JSON.parse(textOf(await eventsOf(under.engine, ask)))
  }

  it('gives it to its agent for an ask of the owner', async () => {
    assert.deepEqual(await serversOf({ asker: OWNER }), [MESH])
  })

  const others: [what: string, changes: Partial<EngineAsk>][] = [
    ['a peer', { asker: { name: 'bob', id: 'kith1bob' } }],
    ['a peer that is named as the owner', { asker: { name: 'self', id: 'kith1bob' } }],
    ['the owner below the preset for asking peers', { asker: OWNER, presets: ['write'] }],
  ]
  for (const [what, changes] of others) {
    it(`gives nothing for an ask of ${what}`, async () => {
      assert.deepEqual(await serversOf(changes), [])
    })
  }

  it('does not go on with it in a session whose next ask may not have it', async () => {
    const inSession = { asker: OWNER, session: 's' }
    assert.deepEqual(await serversOf(inSession), [MESH])
    assert.deepEqual(await serversOf({ ...inSession, presets: ['read-only'] }), [])
    assert.deepEqual(await serversOf(inSession), [MESH])
  })

  it('gives nothing where the owner has not said so', async () => {
    await under.engine.stop()
    under = makeAcp(folder(), '', { needs: 'read-only' })
    assert.deepEqual(await serversOf({ asker: OWNER }), [])
  })
})
