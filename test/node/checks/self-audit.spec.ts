import assert from 'node:assert/strict'
import { chmod, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { agentSchema } from '../../../src/node/agent-config.ts'
import { selfAudit } from '../../../src/node/checks/self-audit.ts'
import type { SelfAudited } from '../../../src/node/checks/self-audit.ts'
import { createIdentity } from '../../../src/node/identity.ts'
import { peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('self-audit', () => {
  const folder = tempFolder()
  let node: SelfAudited

  beforeEach(async () => {
    const { identity } = await createIdentity(folder(), { clear: true }, Date.now())
    node = {
      config: { agent: agentSchema.parse({}) },
      home: { path: folder() },
      pins: { peers: () => [peerOf('bob')], problem: undefined },
      self: { events: identity.log },
    }
  })

  it('F47: is green where nothing is amiss', async () => {
    assert.deepEqual(await selfAudit(node), { state: 'green', findings: [] })
  })

  it('F47: a key file of mode 0644 is an incident, until it is closed again', async () => {
    const [name = ''] = await readdir(join(folder(), 'keys'))
    const key = join(folder(), 'keys', name)
    await chmod(key, 0o644)
    assert.deepEqual(await selfAudit(node), { state: 'incident', findings: ['key-files'] })
    await chmod(key, 0o600)
    assert.equal((await selfAudit(node)).state, 'green')
  })

  it('F47: a config that others can write is an incident', async () => {
    await writeFile(join(folder(), 'config.yaml'), 'version: 1\n')
    await chmod(join(folder(), 'config.yaml'), 0o666)
    assert.deepEqual((await selfAudit(node)).findings, ['file-modes'])
  })

  it('F47: pins that are not in force, and another key log on disk, are incidents', async () => {
    const problem = new Error('peers.yaml:3')
    assert.deepEqual((await selfAudit({ ...node, pins: { peers: () => [], problem } })).findings, [
      'peers-file',
    ])
    const self = { events: [new Uint8Array([1])] }
    assert.deepEqual((await selfAudit({ ...node, self })).findings, ['identity'])
  })

  it('F47: a peer that can run programs without a sandbox is an incident, and not one who is asked about', async () => {
    const agent = agentSchema.parse({ engine: 'model', shell: { sandbox: 'off' } })
    const ask = peerOf('bob').pin.ask
    const bare = (approve: 'exec'[]): SelfAudited => ({
      ...node,
      config: { agent },
      pins: {
        peers: () => [peerOf('bob', { allow: ['ask'], ask: { ...ask, preset: 'full', approve } })],
        problem: undefined,
      },
    })
    assert.deepEqual((await selfAudit(bare([]))).findings, ['grants'])
    assert.deepEqual((await selfAudit(bare(['exec']))).findings, [])
  })
})
