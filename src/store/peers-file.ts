import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Document } from 'yaml'
import { isFailure, KithError } from '../protocol/errors.ts'
import { peersSchema, type Pin } from '../protocol/pin.ts'
import { readPrivateFile, replacePrivateFile } from './atomic-file.ts'
import { applyEdit, type PeerEdit } from './peers-edit.ts'
import { parseYaml } from './yaml-file.ts'

export interface PeersListener {
  /** Called with the pins that the file has at first, and after each change. */
  onChange: (pins: Pin[]) => void
  /** Called once for each content that cannot be taken: the pins of the last `onChange` are still good. */
  onInvalid: (err: Error) => void
}

const NEW_FILE = Buffer.from('version: 1\npeers: []\n')

/** Editors write in several steps: so long after the first sign of a change, in ms, the file is read. */
const SETTLE_MS = 100

/** Signs get lost (a full queue, a network file system, a folder made anew): so often, in ms, it is read anyway. */
const POLL_MS = 2_000

/**
 * The pins in the file at `path`; none when there is no file.
 *
 * @throws {KithError} `invalid-file` with line and column; `unsafe-file` when others can write it.
 */
export async function readPeers(path: string): Promise<Pin[]> {
  return pinsIn(path, await readPrivateFile(path))
}

/**
 * Changes the file at `path`, made if there is none, and returns the pins it then has. Comments and
 * order stay. A change that somebody else makes meanwhile stays too: the edit is made again on it.
 *
 * @throws {KithError} `unknown-peer`; `exists` for a name that is taken; `usage` for a value that the
 *   file may not have; and as `readPeers`.
 */
export async function editPeers(path: string, edit: PeerEdit): Promise<Pin[]> {
  for (;;) {
    const before = await readPrivateFile(path)
    const { document } = parsePeers(path, before ?? NEW_FILE)
    applyEdit(document, edit)
    const after = Buffer.from(document.toString({ lineWidth: 0, flowCollectionPadding: false }))
    const pins = pinsAfter(path, after)
    if (await replacePrivateFile(path, before, after)) return pins
  }
}

/** The file at `path`, for those who only watch it and change it. */
export function peersFile(path: string): {
  watch: (listener: PeersListener) => Promise<() => Promise<void>>
  edit: (edit: PeerEdit) => Promise<Pin[]>
} {
  return {
    watch: (listener) => watchPeers(path, listener),
    edit: (edit) => editPeers(path, edit),
  }
}

/**
 * Reports the file at `path` now and at each change, also when it is replaced, removed or made anew,
 * until the returned function is called; after that nothing is reported. A file that is removed has
 * no pins.
 */
export async function watchPeers(
  path: string,
  { onChange, onInvalid }: PeersListener,
): Promise<() => Promise<void>> {
  let stopped = false
  let seen: string | undefined
  let settling: NodeJS.Timeout | undefined
  let checking = Promise.resolve()

  const check = async (): Promise<void> => {
    const found = await look(path)
    if (stopped || found.content === seen) return
    seen = found.content
    if ('pins' in found) onChange(found.pins)
    else onInvalid(found.err)
  }
  // Not put off by further signs: a file that is written without end is still read ten times a second.
  const checkSoon = (): void => {
    settling ??= setTimeout(() => {
      settling = undefined
      checking = checking.then(check)
    }, SETTLE_MS)
  }

  const watcher = watchFolder(path, checkSoon)
  const poll = setInterval(checkSoon, POLL_MS)
  await check()
  return async () => {
    stopped = true
    watcher?.close()
    clearInterval(poll)
    clearTimeout(settling)
    await checking
  }
}

/** The folder, because a watch on the file follows it when it is renamed away. */
function watchFolder(path: string, onSign: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(path), (_event, name) => {
      if (name === null || name === basename(path)) onSign()
    })
    return watcher.on('error', () => {
      watcher.close()
    })
  } catch {
    // No folder yet, or no watches left: the poll sees it, only later.
    return undefined
  }
}

/** What the file says, and the text that tells it from what it said before. */
async function look(
  path: string,
): Promise<{ content: string } & ({ pins: Pin[] } | { err: Error })> {
  let content = 'unreadable'
  try {
    const bytes = await readPrivateFile(path)
    content = bytes === undefined ? 'absent' : `text ${Buffer.from(bytes).toString('latin1')}`
    return { content, pins: pinsIn(path, bytes) }
  } catch (cause) {
    const err = cause instanceof Error ? cause : new Error('not read', { cause })
    return { content: `${content} ${err.message}`, err }
  }
}

function pinsIn(path: string, bytes: Uint8Array | undefined): Pin[] {
  return bytes === undefined ? [] : parsePeers(path, bytes).value
}

function parsePeers(path: string, bytes: Uint8Array): { document: Document; value: Pin[] } {
  return parseYaml(path, textOf(path, bytes), peersSchema)
}

/** What an edit has led to. That it cannot be taken is no fault of the file, which is as before. */
function pinsAfter(path: string, after: Uint8Array): Pin[] {
  try {
    return pinsIn(path, after)
  } catch (err) {
    if (!isFailure(err, 'invalid-file')) throw err
    const { line = 0, column = 0 } = err.details
    const what = err.message.replace(`${path}:${line}:${column}: `, '')
    throw new KithError('usage', `${path} cannot have this: ${what}`, { what }, { cause: err })
  }
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (err) {
    throw new KithError('invalid-file', `${path} is not UTF-8`, { path }, { cause: err })
  }
}
