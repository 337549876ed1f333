import { KithError } from '../../protocol/errors.ts'
import { createPrivateFile, readPrivateFile } from '../../store/atomic-file.ts'
import { openBackupFile } from '../../store/backup/open-file.ts'

/** Identities of one file; a line of one has some 75 bytes. */
const MAX_FILE_BYTES = 65_536

/** Fewest characters of a passphrase: whoever has the file guesses shorter ones, at leisure and in parallel. */
const MIN_PASSPHRASE_CHARS = 12

/** The first recipient of an age file stands within so many bytes. */
const HEADER_BYTES = 4_096

/**
 * Makes a key pair for backups: the file at `path`, as `age-keygen` would write it, opens what is sealed for the
 * recipient that is returned.
 *
 * @throws {KithError} `exists`
 */
export async function makeBackupKey(path: string, now: number): Promise<string> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  const made = new Date(now).toISOString().replace(/\.\d+/, '')
  const text = `# created: ${made}\n# public key: ${recipient}\n${identity}\n`
  await createPrivateFile(path, Buffer.from(text))
  return recipient
}

/**
 * The identities in a file of the age format: a line each, beside comments and empty ones.
 *
 * @throws {KithError} `usage` when there is none; `unsafe-file` when others can read it
 */
export async function readBackupKey(path: string): Promise<string[]> {
  const content = await readPrivateFile(path, { secret: true, maxBytes: MAX_FILE_BYTES })
  const lines = Buffer.from(content ?? [])
    .toString()
    .split(/\r?\n/)
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (identities.length > 0) return identities
  const what =
    content === undefined ? `there is no file ${path}` : `there is no identity in ${path}`
  throw new KithError('usage', what, { what: path })
}

/** Returns if a passphrase may seal a backup. @throws {KithError} `usage` */
export function assertBackupPassphrase(passphrase: string): void {
  const chars = Array.from(passphrase).length
  if (chars >= MIN_PASSPHRASE_CHARS) return
  const what =
    chars === 0
      ? 'a passphrase cannot be empty'
      : `a passphrase of fewer than ${MIN_PASSPHRASE_CHARS} characters is guessed by whoever has the file`
  const hint = 'five words that dice or a password manager have chosen'
  throw new KithError('usage', what, { what: 'passphrase' }, { hint })
}

/** What opens the age file at `path`, by what its header says; undefined when it says neither. @throws {KithError} `usage` */
export async function sealOf(path: string): Promise<'passphrase' | 'recipients' | undefined> {
  const handle = await openBackupFile(path)
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(HEADER_BYTES) })
    const header = buffer.toString('latin1', 0, bytesRead)
    if (header.includes('\n-> scrypt ')) return 'passphrase'
    return header.includes('\n-> X25519 ') ? 'recipients' : undefined
  } finally {
    await handle.close()
  }
}
