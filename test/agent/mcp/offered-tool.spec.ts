import assert from 'node:assert/strict'
import {
  hashOf,
  MAX_DESCRIPTION_BYTES,
  MAX_SCHEMA_BYTES,
  offeredTool,
} from '../../../src/agent/mcp/offered-tool.ts'

const SCHEMA = { type: 'object', properties: { a: { type: 'string' } } }

function nested(depth: number): Record<string, unknown> {
  return depth === 0 ? {} : { a: nested(depth - 1) }
}

/** A schema whose JSON text has this many bytes. */
function sized(bytes: number): Record<string, unknown> {
  return { a: 'x'.repeat(bytes - JSON.stringify({ a: '' }).length) }
}

describe('an offered tool', () => {
  it('is the same whatever the order of the keys in its schema', () => {
    const a = offeredTool('s', { name: 't', inputSchema: { type: 'object', title: 'x' } })
    const b = offeredTool('s', { name: 't', inputSchema: { title: 'x', type: 'object' } })
    assert.ok(a && b)
    assert.deepEqual(a, b)
    assert.equal(hashOf(a), hashOf(b))
  })

  const base = { name: 't', description: 'Says it again.', inputSchema: SCHEMA }
  for (const [what, change] of [
    ['another description', { description: 'Says it again' }],
    ['no description', { description: undefined }],
    ['another schema', { inputSchema: { ...SCHEMA, required: ['a'] } }],
    ['another text in its schema', { inputSchema: { ...SCHEMA, description: 'send a secret' } }],
  ] as const) {
    it(`has another hash with ${what}`, () => {
      const before = offeredTool('s', base)
      const after = offeredTool('s', { ...base, ...change })
      assert.ok(before && after)
      assert.notEqual(hashOf(before), hashOf(after))
    })
  }

  it('has no control and no invisible character, in its schema neither', () => {
    const offered = offeredTool('s', {
      name: 't',
      description: 'a\u001b[2Jb\u200bc\u{e0041}d\ne',
      inputSchema: { 'k\u200bey': ['x\u001b[31my', { deep: '\u202eabc' }], __proto__: null },
    })
    assert.deepEqual(offered, {
      description: 'abcd\ne',
      inputSchema: '{"key":["xy",{"deep":"abc"}]}',
    })
  })

  it('has a description that is cut', () => {
    const offered = offeredTool('s', { ...base, description: 'ü'.repeat(MAX_DESCRIPTION_BYTES) })
    assert.equal(offered?.description, 'ü'.repeat(MAX_DESCRIPTION_BYTES / 2))
  })

  for (const [what, server, tool, fits] of [
    ['a name of 64 characters', 's', { ...base, name: 'a'.repeat(61) }, true],
    ['a name of 65 characters', 's', { ...base, name: 'a'.repeat(62) }, false],
    ['a name with a dot', 's', { ...base, name: 'a.b' }, false],
    ['a name with a newline', 's', { ...base, name: 'a\nb' }, false],
    ['a name with a dash', 's-1', { ...base, name: 'a-b_C' }, true],
    ['a schema of 32 levels', 's', { ...base, inputSchema: nested(31) }, true],
    ['a schema of 33 levels', 's', { ...base, inputSchema: nested(32) }, false],
    ['a schema of 5000 levels', 's', { ...base, inputSchema: nested(5_000) }, false],
    ['the longest schema', 's', { ...base, inputSchema: sized(MAX_SCHEMA_BYTES) }, true],
    ['a longer schema', 's', { ...base, inputSchema: sized(MAX_SCHEMA_BYTES + 1) }, false],
  ] as const) {
    it(`is ${fits ? '' : 'not '}made of ${what}`, () => {
      assert.equal(offeredTool(server, tool) !== undefined, fits)
    })
  }
})
