import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { providerKeys } from '../../../src/node/agent/provider-keys.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const LAB = { name: 'lab', kind: 'openai', api: 'chat' } as const

describe('the keys of providers', () => {
  const folder = tempFolder()

  it('are read from where the config says, by the names of those that have one', async () => {
    const path = join(folder(), 'key')
    await writeFile(path, 'sk-in-a-file\n', { mode: 0o600 })
    const keys = await providerKeys([
      { ...LAB, key: `file:${path}` },
      { ...LAB, name: 'local', kind: 'ollama' },
    ])
    assert.deepEqual([...keys.keys()], ['lab'])
    assert.equal(keys.get('lab')?.reveal(), 'sk-in-a-file')
    assert.doesNotMatch(JSON.stringify([...keys]) + String(keys.get('lab')), /in-a-file/)
  })

  it('that others can read are refused', async () => {
    const path = join(folder(), 'key')
    await writeFile(path, 'sk-in-a-file', { mode: 0o644 })
    await assert.rejects(providerKeys([{ ...LAB, key: `file:${path}` }]), { code: 'unsafe-file' })
  })

  for (const [key, message] of [
    ['env:KITH_TEST_NO_SUCH_NAME', /agent\.providers\.lab\.key.*not set/],
    ['sk-in-the-config', /agent\.providers\.lab\.key: say/],
  ] as const) {
    it(`are missing where it says ${key}`, async () => {
      await assert.rejects(providerKeys([{ ...LAB, key }]), { code: 'usage', message })
    })
  }
})
