import { join } from 'node:path'
import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { readSignedEvent } from '../../protocol/key-event.ts'
import { validateKeyLog } from '../../protocol/key-log.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { sha256 } from '../../protocol/sha256.ts'
import { createPrivateFile, readPrivateFile, replacePrivateFile } from '../../store/atomic-file.ts'
import { damaged } from './key-files.ts'

/** This home's own key log as it is in `identity.json`. It says which key is in use and which rotates. */
export interface OwnLog {
  /** The bytes of the file: what a change must find there still. */
  content: Uint8Array
  /** Signed events, the first one first. */
  events: Uint8Array[]
  state: KeyLogState
}

const FILE_VERSION = 1

const logFile = z.strictObject({
  version: z.literal(FILE_VERSION),
  log: z
    .array(z.base64url().transform((text) => new Uint8Array(Buffer.from(text, 'base64url'))))
    .min(1),
})

export function ownLogPath(home: string): string {
  return join(home, 'identity.json')
}

/** A key log in the form of `identity.json`. It says nothing secret. */
export function keyLogFile(events: readonly Uint8Array[]): Uint8Array {
  const log = events.map((event) => Buffer.from(event).toString('base64url'))
  return Buffer.from(`${JSON.stringify({ version: FILE_VERSION, log }, null, 2)}\n`)
}

/** The signed events in such a file, which may be no valid log. @throws {SyntaxError | ZodError} */
export function parseKeyLogFile(content: Uint8Array): Uint8Array[] {
  return logFile.parse(JSON.parse(Buffer.from(content).toString())).log
}

/** @throws {KithError} `no-identity`, `corrupt`, `unsafe-file` */
export async function readOwnLog(home: string): Promise<OwnLog> {
  const own = await findOwnLog(home)
  if (own !== undefined) return own
  throw new KithError('no-identity', `there is no node in ${home}`, { home }, { hint: 'kith init' })
}

/** As `readOwnLog`, and undefined when there is none. @throws {KithError} `corrupt`, `unsafe-file` */
export async function findOwnLog(home: string): Promise<OwnLog | undefined> {
  const path = ownLogPath(home)
  const content = await readPrivateFile(path)
  if (content === undefined) return undefined
  try {
    const events = parseKeyLogFile(content)
    return { content, events, state: validateKeyLog(events) }
  } catch (err) {
    throw damaged(path, err)
  }
}

/** Puts a log where there is none. @throws {KithError} `exists` */
export async function createOwnLog(home: string, events: readonly Uint8Array[]): Promise<void> {
  await createPrivateFile(ownLogPath(home), keyLogFile(events))
}

/**
 * Puts `events` in the place of the log `before`: done wholly, or not at all.
 *
 * @throws {KithError} `rotation-outdated` when another log is there by now
 */
export async function replaceOwnLog(
  home: string,
  before: OwnLog,
  events: readonly Uint8Array[],
): Promise<void> {
  const path = ownLogPath(home)
  if (await replacePrivateFile(path, before.content, keyLogFile(events))) return
  throw outdated(`${path} has changed meanwhile`)
}

/** The commitments of all keys that a log has ever named: those in use, and those that rotate. */
export function keysNamed(events: readonly Uint8Array[]): {
  inUse: Uint8Array[]
  rotating: Uint8Array[]
} {
  const named = events.map((signed) => readSignedEvent(signed).event)
  return {
    inUse: named.flatMap((event) => ('k' in event ? [sha256(event.k)] : [])),
    rotating: named.flatMap((event) => ('n' in event ? [event.n] : [])),
  }
}

/** The error for what was prepared for a log that is no longer the one. */
export function outdated(what: string): KithError<'rotation-outdated'> {
  const hint = 'kith key status'
  return new KithError('rotation-outdated', `nothing was changed: ${what}`, { what }, { hint })
}

/** The error for a node that has ended. */
export function retired(id: string): KithError<'retired'> {
  const hint = 'kith key recover'
  return new KithError('retired', `the node ${id} is retired: no key is in force`, { id }, { hint })
}
