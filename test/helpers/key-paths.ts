import { keyFolder, keyPath } from '../../src/node/keys/key-files.ts'
import { readOwnLog } from '../../src/node/keys/own-log.ts'
import { sha256 } from '../../src/protocol/sha256.ts'

/** Where the secret of the key in use of the node in `home` is. */
export async function keyInUsePath(home: string): Promise<string> {
  const { state } = await readOwnLog(home)
  return keyPath(keyFolder(home), sha256(state.keyInForce ?? new Uint8Array()))
}

/** Where the secret of its rotation key is, if it is on this host. */
export async function rotationKeyPath(home: string): Promise<string> {
  const { state } = await readOwnLog(home)
  return keyPath(keyFolder(home), state.nextCommitment)
}
