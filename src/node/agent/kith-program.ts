import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where `bin/kith.js` is, seen from this file in a checkout, and from the bundle that it is in elsewhere. */
const PLACES = ['../../../bin/kith.js', '../../bin/kith.js', '../bin/kith.js']

/** The program that this node is, and its first argument: to be started once more, by the same Node.js. */
export function kithProgram(from: string = import.meta.url): [node: string, script: string] {
  const script = PLACES.map((place) => fileURLToPath(new URL(place, from))).find(existsSync)
  if (script === undefined) throw new TypeError(`there is no bin/kith.js near ${from}`)
  return [process.execPath, script]
}
