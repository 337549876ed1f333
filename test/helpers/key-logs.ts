import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { createInception, validateKeyLog } from '../../src/protocol/key-log.ts'
import { seedOf } from './stub-pins.ts'

/** The identity of the test node called `name`: its id, and a key log with the key that it has as `seedOf(name)`. */
export async function keyLogOf(name: string): Promise<{ id: string; log: Uint8Array[] }> {
  const { signedEvent } = createInception({
    seed: seedOf(name),
    nextKey: publicKeyOf(seedOf(`${name}, next`)),
    recoveryKey: publicKeyOf(seedOf(`${name}, recovery`)),
    at: Date.UTC(2026, 10, 21, 9),
    nonce: new Uint8Array(16),
  })
  const { id } = validateKeyLog([signedEvent])
  return { id, log: [signedEvent] }
}
