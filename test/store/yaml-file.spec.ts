import assert from 'node:assert/strict'
import { z } from 'zod'
import { isFailure } from '../../src/protocol/errors.ts'
import { strictMap } from '../../src/protocol/strict-map.ts'
import { parseYaml } from '../../src/store/yaml-file.ts'

const schema = strictMap({
  a: z.int().max(9).optional(),
  list: z.array(strictMap({ name: z.string(), size: z.int().optional() })).optional(),
})

/** `line:column: message` of what is wrong with `text`. */
function fault(text: string): string {
  try {
    parseYaml('x.yaml', text, schema)
  } catch (err) {
    assert.ok(isFailure(err, 'invalid-file'))
    assert.ok(err.message.startsWith(`x.yaml:${err.details.line}:${err.details.column}: `))
    return err.message.slice('x.yaml:'.length)
  }
  return 'none'
}

describe('yaml file', () => {
  it('gives the value and the document', () => {
    const { document, value } = parseYaml('x.yaml', 'a: 1 # one\n', schema)
    assert.deepEqual(value, { a: 1 })
    assert.equal(document.toString(), 'a: 1 # one\n')
  })

  const taken: [what: string, text: string][] = [
    ['a document mark', '---\na: 1\n'],
    ['a byte order mark', '\ufeffa: 1\n'],
    ['CR LF', 'a: 1\r\nlist: []\r\n'],
    ['flow style', '{ a: 1, list: [{ name: x }] }'],
    ['a percent sign in a text', 'list:\n  - name: |\n      %x\n'],
    ['an empty map', '{}'],
  ]
  for (const [what, text] of taken) {
    it(`takes ${what}`, () => {
      assert.equal(fault(text), 'none')
    })
  }

  const refused: [what: string, text: string, fault: RegExp][] = [
    ['an empty file', '', /^1:1: Invalid input: expected object/],
    ['a file of comments', '# a\n', /^1:1: Invalid input: expected object/],
    ['a key that is there twice', 'a: 1\na: 2\n', /^2:1: a is there twice$/],
    ['a key that is there twice below', 'list:\n  - {name: x, name: y}', /^2:15: name is there/],
    ['an anchor', 'a: &x 1\n', /^1:7: anchors \(&\) are not taken$/],
    ['an alias', 'a: &x 1\nlist: *x\n', /^1:7: .* \(and 1 more\)$/],
    ['a merge', 'list:\n  - <<: {size: 1}\n    name: x\n', /^2:5: list\[0\]: unknown key <</],
    ['a tag', 'a: !!int 1\n', /^1:10: tags \(!\) are not taken$/],
    ['a tag of its own', 'a: !x 1\n', /tags \(!\) are not taken|Unresolved tag/],
    ['an empty tag', 'a: ! 1\n', /^1:6: tags \(!\) are not taken$/],
    ['a second document', 'a: 1\n---\na: 2\n', /^2:1: .*multiple documents/],
    ['YAML 1.1', '%YAML 1.1\n---\na: 1\n', /^1:1: directives \(%\) are not taken$/],
    ['YAML 1.2 by name', '# x\n%YAML 1.2\n---\na: 1\n', /^1:1: directives \(%\) are not taken$/],
    ['a tag directive', '%TAG !e! tag:x,2000:\n---\na: 1\n', /^1:1: directives/],
    ['a list as a key', '? [a]\n: 1\n', /^1:3: .*keys must be strings/],
    ['a tab as indentation', 'list:\n\t- name: x\n', /^2:1: Tabs are not allowed/],
    ['an open quote', 'a: "1\n', /quote/],
    ['ten thousand brackets', '['.repeat(10_000), /call stack|end of flow|must be/],
    ['ten thousand dashes', '- '.repeat(10_000), /call stack/],
    ['an unknown key', 'a: 1\nb: 2\n', /^2:1: unknown key b$/],
    ['a slip', 'a: 1\nlits: []\n', /^2:1: unknown key lits \(did you mean list\?\)$/],
    ['a value too large', 'a: 10\n', /^1:4: a: Too big/],
    ['a text for a number', 'a: "1"\n', /^1:4: a: .*expected number/],
    ['a YAML 1.1 boolean', 'a: yes\n', /^1:4: a: .*received string/],
    ['nothing for a number', 'a:\n', /^1:3: a: .*received null/],
    ['a key that is missing', 'list:\n  - size: 1\n', /^2:5: list\[0\]\.name: missing$/],
    ['__proto__', '__proto__: {a: 1}\n', /^1:1: unknown key __proto__$/],
    [
      'a fault deep down',
      'list:\n  - name: x\n  - name: y\n    size: z\n',
      /^4:11: list\[1\]\.size: /,
    ],
    ['the first fault in the file', 'list: 1\na: 99\n', /^1:7: list: .* \(and 1 more\)$/],
  ]
  for (const [what, text, expected] of refused) {
    it(`refuses ${what}`, () => {
      assert.match(fault(text), expected)
    })
  }
})
