import assert from 'node:assert/strict'
import { isPreset, presetAllows } from '../../src/agent/presets.ts'
import { isFailure } from '../../src/protocol/errors.ts'

describe('presets', () => {
  const table = [
    { preset: 'none', read: false, write: false },
    { preset: 'read-only', read: true, write: false },
    { preset: 'write', read: true, write: true },
    { preset: 'full', read: true, write: true },
  ]
  for (const { preset, read, write } of table) {
    it(`${preset}: read ${read}, write ${write}`, () => {
      assert.equal(isPreset(preset), true)
      assert.equal(presetAllows(preset, 'read'), read)
      assert.equal(presetAllows(preset, 'write'), write)
    })
  }

  for (const preset of ['', 'None', 'full ', 'admin', 'constructor', '__proto__']) {
    it(`refuses ${JSON.stringify(preset)}, which is none`, () => {
      assert.equal(isPreset(preset), false)
      assert.throws(
        () => presetAllows(preset, 'read'),
        (err) => isFailure(err, 'denied') && err.details.rule === 'preset',
      )
    })
  }
})
