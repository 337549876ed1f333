import assert from 'node:assert/strict'
import { importsOf, readSources } from '../../../helpers/imports.ts'

const FOLDER = 'src/node/scheduler/nats/'

describe('the client of nats', () => {
  const imports = importsOf(readSources('src'))

  it('is loaded by no node that shares no jobs', () => {
    const found = imports
      .filter(({ from, kind, to }) => {
        const inside = from.startsWith(FOLDER) && from !== `${FOLDER}nats-config.ts`
        const loads = to.startsWith('@nats-io/') || to.startsWith(FOLDER)
        return kind === 'static' && loads && !inside && to !== `${FOLDER}nats-config.ts`
      })
      .map(({ from, to }) => `${from} → ${to}`)
    assert.deepEqual(found, [])
  })
})
