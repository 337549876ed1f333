import assert from 'node:assert/strict'
import { importsOf, readSources } from '../../helpers/imports.ts'

/** All that a file loads as it loads: files of ours and packages. */
function loadedBy(file: string): Set<string> {
  const eager = Map.groupBy(
    importsOf(readSources('src')).filter(({ kind }) => kind === 'static'),
    ({ from }) => from,
  )
  const loaded = new Set([file])
  for (const each of loaded) for (const { to } of eager.get(each) ?? []) loaded.add(to)
  return loaded
}

describe('a node that nobody asks anything over HTTP', () => {
  const loaded = loadedBy('src/node/open-profile.ts')

  for (const what of [
    'prom-client',
    'src/node/http/tcp-app.ts',
    'src/node/http/http-app.ts',
    'src/node/http/openapi.ts',
    'src/node/http/metrics/metrics-page.ts',
    'src/node/http/tasks/task-app.ts',
    'src/node/http/dashboard/files.ts',
  ]) {
    it(`F64: does not load ${what}`, () => {
      assert.ok(!loaded.has(what))
    })
  }

  it('loads what listens, and what a restart needs of tokens', () => {
    assert.ok(loaded.has('src/node/http/http-host.ts'))
    assert.ok(loaded.has('src/node/http/tokens.ts'))
  })
})
