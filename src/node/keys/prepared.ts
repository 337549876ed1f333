import { join } from 'node:path'
import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import type { RotationDraft } from '../../protocol/key-log-create.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { removePrivateFile, readPrivateFile, writePrivateFile } from '../../store/atomic-file.ts'
import { eraseKeys, hasKey, keyFolder } from './key-files.ts'

const FILE_VERSION = 1

const bytes32 = z
  .base64url()
  .transform((text) => new Uint8Array(Buffer.from(text, 'base64url')))
  .refine((value) => value.byteLength === 32, { message: 'not 32 bytes' })

const draft = z.strictObject({
  id: z.string(),
  sn: z.int(),
  p: bytes32,
  k: bytes32,
  why: z.enum(['routine', 'compromise']),
  grace: z.int(),
  lastGood: z.int().optional(),
  at: z.int(),
})

const preparedFile = z.strictObject({
  version: z.literal(FILE_VERSION),
  made: z.array(bytes32).min(1).max(2),
  replaced: z.array(bytes32),
  rotation: z.strictObject({ draft, rotationKey: z.enum(['here', 'off-host']) }).optional(),
})

/**
 * A change of keys that is under way, as `rotation.json` has it from before the first key of it is made: nothing but
 * this file says which keys are in the folder of a log that does not name them.
 */
export interface Prepared {
  /** Commitments of the keys that are made for it: the one to be in use first. */
  made: Uint8Array[]
  /** Commitments of keys that it makes useless, and that the log to come does not name. */
  replaced: Uint8Array[]
  /** The rotation, if it is one. */
  rotation?: PreparedRotation
}

export interface PreparedRotation {
  draft: RotationDraft
  /** Who endorses it: this host, or whoever has the rotation key. The latter may take days, and outlives a restart. */
  rotationKey: 'here' | 'off-host'
}

export function preparedPath(home: string): string {
  return join(home, 'rotation.json')
}

/** What is under way, if anything. @throws {KithError} `corrupt`, `unsafe-file` */
export async function readPrepared(home: string): Promise<Prepared | undefined> {
  const path = preparedPath(home)
  const content = await readPrivateFile(path)
  if (content === undefined) return undefined
  try {
    const { made, replaced, rotation } = preparedFile.parse(
      JSON.parse(Buffer.from(content).toString()),
    )
    if (rotation === undefined) return { made, replaced }
    const { lastGood, ...rest } = rotation.draft
    return {
      made,
      replaced,
      rotation: { ...rotation, draft: lastGood === undefined ? rest : { ...rest, lastGood } },
    }
  } catch (cause) {
    const hint = `remove ${path}, and rotate again: the keys in force are not in it`
    throw new KithError('corrupt', `${path} is damaged`, { what: path }, { cause, hint })
  }
}

/** The rotation that is under way for a log in this state, if any. @throws {KithError} as `readPrepared` */
export async function readWaiting(
  home: string,
  state: KeyLogState,
): Promise<PreparedRotation | undefined> {
  const { made = [], rotation } = (await readPrepared(home)) ?? {}
  if (rotation === undefined || !isNextOf(state, rotation.draft)) return undefined
  // A crash came before its keys were sealed: nothing can come of it.
  for (const key of made) if (!(await hasKey(keyFolder(home), key))) return undefined
  return rotation
}

/** True for the draft of a rotation that may follow a log in this state. */
export function isNextOf(state: KeyLogState, { id, p, sn }: RotationDraft): boolean {
  return id === state.id && sn === state.sn + 1 && Buffer.compare(p, state.head) === 0
}

export async function writePrepared(home: string, prepared: Prepared): Promise<void> {
  const text = JSON.stringify({ version: FILE_VERSION, ...prepared }, base64url, 2)
  await writePrivateFile(preparedPath(home), Buffer.from(`${text}\n`))
}

export async function removePrepared(home: string): Promise<void> {
  await removePrivateFile(preparedPath(home))
}

/** Gives up what is under way, and the keys that were made for it. Only for what no log names. */
export async function abandonPrepared(home: string): Promise<void> {
  const prepared = await readPrepared(home)
  if (prepared === undefined) return
  // First it becomes what no restart keeps: a draft must not outlive its key.
  await writePrepared(home, { made: prepared.made, replaced: [] })
  await eraseKeys(keyFolder(home), prepared.made)
  await removePrepared(home)
}

function base64url(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value
}
