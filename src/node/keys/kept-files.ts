import { join } from 'node:path'
import { z } from 'zod'
import { isFailure } from '../../protocol/errors.ts'
import { isNodeId, parseNodeId } from '../../protocol/node-id.ts'
import { createPrivateFile, readPrivateFile, removePrivateFile } from '../../store/atomic-file.ts'
import { damaged, filesIn, keyFolder } from './key-files.ts'

/**
 * The folders of rotation keys that this host keeps for other nodes of its owner, one for each node. Beside a key that
 * has endorsed lies a note that says which key it has named as the next one.
 */
const KEPT = 'kept'
const NOTE_VERSION = 1

const bytes32 = z
  .base64url()
  .transform((text) => new Uint8Array(Buffer.from(text, 'base64url')))
  .refine((value) => value.byteLength === 32, { message: 'not 32 bytes' })

const noteFile = z.strictObject({
  version: z.literal(NOTE_VERSION),
  /** Commitment of the key that has endorsed. */
  endorser: bytes32,
  /** Public key that rotates next. */
  next: bytes32,
})

/** The folder above those of each node. */
export function keptRoot(home: string): string {
  return join(keyFolder(home), KEPT)
}

/** @throws {KithError} `usage` for what is no node id: it becomes the name of a folder */
export function keptFolder(home: string, node: string): string {
  parseNodeId(node)
  return join(keptRoot(home), node)
}

/** The nodes of which there is a folder. */
export async function keptNodes(home: string): Promise<string[]> {
  return (await filesIn(keptRoot(home))).filter(isNodeId)
}

export async function keptFolders(home: string): Promise<string[]> {
  return (await keptNodes(home)).map((node) => keptFolder(home, node))
}

/**
 * The public key that this kept key has named as the one that rotates next, if it has endorsed.
 *
 * @throws {KithError} `corrupt`, `unsafe-file`
 */
export async function readNext(
  folder: string,
  endorser: Uint8Array,
): Promise<Uint8Array | undefined> {
  const path = notePath(folder, endorser)
  const content = await readPrivateFile(path)
  if (content === undefined) return undefined
  try {
    const note = noteFile.parse(JSON.parse(Buffer.from(content).toString()))
    if (Buffer.compare(note.endorser, endorser) !== 0) throw damaged(path)
    return note.next
  } catch (err) {
    throw damaged(path, err)
  }
}

/** Notes the next key, unless there is a note: false then, and nothing is changed. */
export async function noteNext(
  folder: string,
  endorser: Uint8Array,
  next: Uint8Array,
): Promise<boolean> {
  const note = { version: NOTE_VERSION, endorser, next }
  const text = JSON.stringify(note, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value,
  )
  try {
    await createPrivateFile(notePath(folder, endorser), Buffer.from(`${text}\n`))
    return true
  } catch (err) {
    if (isFailure(err, 'exists')) return false
    throw err
  }
}

export async function removeNote(folder: string, endorser: Uint8Array): Promise<void> {
  await removePrivateFile(notePath(folder, endorser))
}

function notePath(folder: string, endorser: Uint8Array): string {
  return join(folder, `${Buffer.from(endorser).toString('hex', 0, 8)}.next`)
}
