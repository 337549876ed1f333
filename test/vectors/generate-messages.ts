/*
 * Writes the vectors of frames and messages beside it: `node test/vectors/generate-messages.ts`. Their bytes are made
 * by @ipld/dag-cbor and from fixed values, so a second run changes nothing.
 */
import { writeFile } from 'node:fs/promises'
import { frameVectors, messageVectors } from './message-cases.ts'

const FILES = { 'messages.json': messageVectors(), 'frames.json': frameVectors() }

for (const [name, vectors] of Object.entries(FILES)) {
  await writeFile(new URL(name, import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`)
}
