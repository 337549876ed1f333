import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { peersSchema, type AskGrant, type Pin } from '../src/protocol/pin.ts'
import { parseYaml } from '../src/store/yaml-file.ts'

const text = readFileSync(new URL('../peers.example.yaml', import.meta.url), 'utf8')

const PIN_KEYS: (keyof Pin)[] = [
  'addresses',
  'allow',
  'ask',
  'callsPerMinute',
  'confirmed',
  'id',
  'key',
  'name',
]
const ASK_KEYS: (keyof AskGrant)[] = [
  'approve',
  'dailyBytes',
  'dailyTokens',
  'dailyUsd',
  'depth',
  'hours',
  'maxSeconds',
  'parallel',
  'perMinute',
  'preset',
  'queue',
  'untilAt',
]

describe('peers.example.yaml', () => {
  it('is a good peers.yaml', () => {
    const { value } = parseYaml('peers.example.yaml', text, peersSchema)
    assert.deepEqual(
      value.map(({ name }) => name),
      ['nas', 'phone'],
    )
  })

  it('shows every key', () => {
    const { value } = parseYaml('peers.example.yaml', text, peersSchema)
    const [nas, phone] = value
    const keys = [...Object.keys(nas ?? {}), ...Object.keys(phone ?? {})]
    assert.deepEqual([...new Set(keys)].toSorted(), PIN_KEYS)
    assert.deepEqual(Object.keys(nas?.ask ?? {}).toSorted(), ASK_KEYS)
  })

  it('names the default of every key that has one', () => {
    const least = { name: 'a', key: '12D3KooWSVtZZnXU6AESCjv8dUYd1aK2T9Lcbr44a4hnRp8haStZ' }
    const [pin] = peersSchema.parse({ version: 1, peers: [least] })
    assert.ok(pin)
    const { ask } = pin
    const defaults = [pin.callsPerMinute, ask.perMinute, ask.parallel, ask.queue, ask.maxSeconds]
    for (const value of [...defaults, ask.preset, ask.depth, ask.dailyBytes]) {
      assert.ok(text.includes(`Default: ${value}`), `Default: ${value}`)
    }
  })
})
