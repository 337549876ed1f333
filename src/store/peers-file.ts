import { peersSchema, type Pin } from '../protocol/pin.ts'
import { EditedFile, type FileListener } from './edited-file.ts'
import { applyEdit, type PeerEdit } from './peers-edit.ts'

/** `onChange` is called with the pins. */
export type PeersListener = FileListener<Pin[]>

/**
 * The pins in the file at `path`; none when there is no file.
 *
 * @throws {KithError} `invalid-file` with line and column; `unsafe-file` when others can write it.
 */
export async function readPeers(path: string): Promise<Pin[]> {
  return await fileAt(path).read()
}

/**
 * Changes the file at `path`, made if there is none, and returns the pins it then has. Comments and
 * order stay. A change that somebody else makes meanwhile stays too: the edit is made again on it.
 *
 * @throws {KithError} `unknown-peer`; `exists` for a name that is taken; `usage` for a value that the
 *   file may not have; and as `readPeers`.
 */
export async function editPeers(path: string, edit: PeerEdit): Promise<Pin[]> {
  return await peersFile(path).edit(edit)
}

/** The file at `path`, for those who only watch it and change it. A file that is removed has no pins. */
export function peersFile(path: string): {
  watch: (listener: PeersListener) => Promise<() => Promise<void>>
  edit: (edit: PeerEdit) => Promise<Pin[]>
} {
  const file = fileAt(path)
  return {
    watch: (listener) => file.watch(listener),
    edit: (edit) =>
      file.edit((document) => {
        applyEdit(document, edit)
      }),
  }
}

function fileAt(path: string): EditedFile<Pin[]> {
  return new EditedFile({ path, schema: peersSchema, blank: 'version: 1\npeers: []\n' })
}
