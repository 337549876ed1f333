import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError } from '../protocol/errors.ts'
import type { CliContext } from './context.ts'
import { isTerminal } from './terminal.ts'

/** Longest passphrase, in bytes, that is read from a pipe. */
const MAX_PASSPHRASE_BYTES = 4_096

/** The first line of the standard input. @throws {KithError} `usage` when it is empty or has no end */
export async function passphraseFromStdin({ stdin }: Pick<CliContext, 'stdin'>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    const part = Buffer.from(chunk)
    chunks.push(part)
    bytes += part.byteLength
    if (part.includes('\n') || bytes > MAX_PASSPHRASE_BYTES) break
  }
  const [line = ''] = Buffer.concat(chunks).toString().split('\n', 1)
  return checked(line.replace(/\r$/, ''), 'the standard input')
}

/**
 * The passphrase that this process was given: in the file that KITH_PASSPHRASE_FILE names, or as the credential
 * `kith-passphrase` of a systemd service (systemd.exec(5)). Undefined when there is none.
 *
 * @throws {KithError} `usage` for a file that is named and cannot be read, or is empty
 */
export async function passphraseFromFile(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const named = env['KITH_PASSPHRASE_FILE']
  if (named !== undefined) return await readSecret(named)
  const credentials = env['CREDENTIALS_DIRECTORY']
  if (credentials === undefined) return undefined
  return await readSecret(join(credentials, 'kith-passphrase')).catch((err: unknown) => {
    if (err instanceof KithError && isAbsent(err.cause)) return undefined
    throw err
  })
}

/** True when a person can be asked. */
export function canPrompt({ stderr, stdin }: Pick<CliContext, 'stderr' | 'stdin'>): boolean {
  return isTerminal(stdin) && isTerminal(stderr)
}

async function readSecret(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((err: unknown) => {
    const what = `the passphrase's file ${path} cannot be read`
    throw new KithError('usage', what, { what }, { cause: err })
  })
  return checked(text.replace(/\r?\n$/, ''), path)
}

function checked(passphrase: string, where: string): string {
  if (passphrase !== '') return passphrase
  const what = `there is no passphrase in ${where}`
  throw new KithError('usage', what, { what })
}

function isAbsent(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'ENOENT'
}
