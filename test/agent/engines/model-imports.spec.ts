import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { importsOf, packageOf, readSources } from '../../helpers/imports.ts'

/** What only the model engine needs. */
const HEAVY = /^(ai|@ai-sdk\/.*|ollama-ai-provider-v2|@pydantic\/genai-prices)$/u

describe('the libraries of the model engine', () => {
  const imports = importsOf(readSources('src'))

  it('are reached by no file outside of it, save on demand', () => {
    const found = imports.filter(
      ({ from, kind, to }) =>
        kind === 'static' &&
        !from.startsWith('src/agent/engines/model') &&
        (HEAVY.test(packageOf(to)) || to.startsWith('src/agent/engines/model')),
    )
    assert.deepEqual(found, [])
  })

  it('of each kind of provider are loaded when that kind is used', () => {
    const found = imports
      .filter(({ kind, to }) => kind === 'static' && HEAVY.test(packageOf(to)))
      .map(({ to }) => packageOf(to))
    assert.deepEqual([...new Set(found)], ['ai'])
  })

  it('are not loaded by the parts of a node without it', () => {
    const probe = fileURLToPath(new URL('../../cli/probe.ts', import.meta.url))
    const node = fileURLToPath(new URL('../../../src/node/node.ts', import.meta.url))
    const { status, stderr } = spawnSync(process.execPath, ['--import', probe, node], {
      encoding: 'utf8',
    })
    const loaded = stderr.trim().split('\n')
    assert.equal(status, 0, stderr)
    assert.ok(loaded.includes('libp2p'), stderr)
    assert.deepEqual(
      loaded.filter((name) => HEAVY.test(name)),
      [],
    )
  })
})
