import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Presets } from '../../src/agent/presets.ts'
import type { ToolClass } from '../../src/agent/presets.ts'
import { isFailure } from '../../src/protocol/errors.ts'

const CLASSES: ToolClass[] = ['read', 'write', 'exec', 'network', 'spend']

const named = {
  quiet: { like: 'full', without: ['shell', 'fetch'] },
  reader: { like: 'read-only', only: ['read_file'] },
  full: { like: 'none' },
} as const

const isDenied = (err: unknown): boolean =>
  isFailure(err, 'denied') && err.details.rule === 'preset'

describe('Presets', () => {
  const presets = new Presets({ named, deny: ['forbidden'] })

  const table: { preset: string; open: ToolClass[] }[] = [
    { preset: 'none', open: [] },
    { preset: 'read-only', open: ['read'] },
    { preset: 'write', open: ['read', 'write'] },
    { preset: 'full', open: CLASSES },
    { preset: 'quiet', open: CLASSES },
    { preset: 'reader', open: [] },
  ]
  for (const { open, preset } of table) {
    it(`${preset} covers ${open.join(', ') || 'nothing'}`, () => {
      for (const each of CLASSES) {
        assert.equal(
          presets.allows([preset], { name: 'x', class: each }),
          open.includes(each),
          each,
        )
      }
    })
  }

  it('cover of a preset of the owner what it names, or what it does not leave out', () => {
    assert.equal(presets.allows(['quiet'], { name: 'shell', class: 'exec' }), false)
    assert.equal(presets.allows(['reader'], { name: 'read_file', class: 'read' }), true)
    assert.equal(presets.allows(['reader'], { name: 'read_file', class: 'write' }), false)
  })

  it('cover nothing that the node denies', () => {
    assert.equal(presets.allows(['full'], { name: 'forbidden', class: 'read' }), false)
  })

  it('are no wider together than each of them', () => {
    const preset = fc.constantFrom('none', 'read-only', 'write', 'full', 'quiet', 'reader')
    fc.assert(
      fc.property(
        fc.array(preset, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...CLASSES),
        fc.constantFrom('shell', 'read_file', 'x'),
        (all, toolClass, name) => {
          const tool = { name, class: toolClass }
          const each = all.every((one) => presets.allows([one], tool))
          assert.equal(presets.allows(all, tool), each)
        },
      ),
    )
  })

  for (const unknown of ['', 'None', 'full ', 'admin', 'constructor', '__proto__']) {
    it(`refuse ${JSON.stringify(unknown)}, which is none, also beside one that is`, () => {
      const tool = { name: 'x', class: 'read' } as const
      assert.throws(() => presets.allows([unknown], tool), isDenied)
      assert.throws(() => presets.allows(['full', unknown], tool), isDenied)
      assert.throws(() => {
        presets.assertKnown([unknown])
      }, isDenied)
    })
  }

  it('refuse an ask without one', () => {
    assert.throws(() => {
      presets.assertKnown([])
    }, isDenied)
  })

  const onward = [
    { all: ['full'], one: 'full' },
    { all: ['full', 'write'], one: 'write' },
    { all: ['read-only', 'full', 'write'], one: 'read-only' },
    { all: ['full', 'quiet'], one: 'none' },
    { all: ['reader'], one: 'none' },
  ]
  for (const { all, one } of onward) {
    it(`go on to another node as ${one}: ${all.join(', ')}`, () => {
      assert.equal(presets.handedOn(all), one)
    })
  }
})
