import fc from 'fast-check'

/** One change to some bytes. */
export interface Mutation {
  kind: 'flip' | 'insert' | 'remove' | 'cut' | 'repeat'
  at: number
  byte: number
}

export function mutation(): fc.Arbitrary<Mutation> {
  return fc.record({
    kind: fc.constantFrom('flip', 'insert', 'remove', 'cut', 'repeat'),
    at: fc.nat(),
    byte: fc.integer({ min: 1, max: 255 }),
  })
}

/** `bytes` with all of these changes, one after the other. */
export function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  return mutations.reduce(mutateOnce, bytes)
}

function mutateOnce(bytes: Uint8Array, { kind, at, byte }: Mutation): Uint8Array {
  const place = bytes.byteLength === 0 ? 0 : at % bytes.byteLength
  const before = bytes.subarray(0, place)
  const after = bytes.subarray(place + 1)
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, Uint8Array.of((bytes[place] ?? 0) ^ byte), after])
    case 'insert':
      return Buffer.concat([before, Uint8Array.of(byte), bytes.subarray(place)])
    case 'remove':
      return Buffer.concat([before, after])
    case 'cut':
      return before
    case 'repeat':
      return Buffer.concat([before, bytes.subarray(place, place + byte), bytes.subarray(place)])
  }
}
