import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError } from '../protocol/errors.ts'
import type { CliContext } from './context.ts'
import { isTerminal } from './terminal.ts'

/** Longest passphrase, in bytes, that is read from a pipe. */
const MAX_PASSPHRASE_BYTES = 4_096

const NEWLINE = 0x0a

/** The first line of the standard input. @throws {KithError} `usage` when it is empty or has no end */
export async function passphraseFromStdin(cli: Pick<CliContext, 'stdin'>): Promise<string> {
  const [line = ''] = await linesFromStdin(cli, 1)
  return checked(line, 'the standard input')
}

/**
 * So many lines of the standard input, or fewer if there are no more. For secrets: none of them is kept.
 *
 * @throws {KithError} `usage` when they are too long, or no text: half a passphrase, or one in which all that is no UTF-8
 *   is the same, must not seal anything
 */
export async function linesFromStdin(
  { stdin }: Pick<CliContext, 'stdin'>,
  count: number,
): Promise<string[]> {
  let text = Buffer.alloc(0)
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    text = Buffer.concat([text, Buffer.from(chunk)])
    if (endOf(text, count) !== undefined || text.byteLength > count * MAX_PASSPHRASE_BYTES) break
  }
  const lines = text.subarray(0, endOf(text, count))
  if (lines.byteLength > count * MAX_PASSPHRASE_BYTES) {
    const what = `the standard input has a line of more than ${MAX_PASSPHRASE_BYTES} bytes`
    throw new KithError('usage', what, { what })
  }
  const decoded = decodeText(lines).split('\n', count)
  return decoded.map((line) => line.replace(/\r$/, ''))
}

/** Where so many lines end; undefined while there are fewer. */
function endOf(text: Uint8Array, count: number): number | undefined {
  let end = -1
  for (let line = 0; line < count; line += 1) {
    end = text.indexOf(NEWLINE, end + 1)
    if (end === -1) return undefined
  }
  return end
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (err) {
    const what = 'the standard input is no text in UTF-8'
    throw new KithError('usage', what, { what }, { cause: err })
  }
}

/**
 * A passphrase that is to seal new keys, typed twice at a terminal.
 *
 * @param command what to type next, when it comes to nothing
 * @throws {KithError} `usage`; `Interrupted` at Ctrl-C
 */
export async function newPassphrase(
  cli: Pick<CliContext, 'stderr' | 'stdin'>,
  command: string,
): Promise<string> {
  if (!canPrompt(cli)) {
    const what = 'without a terminal, say how the keys are kept: --passphrase-stdin or --clear'
    throw new KithError('usage', what, { what }, { hint: `${command} --passphrase-stdin` })
  }
  const { askSecret } = await import('./prompt.ts')
  const passphrase = await askSecret(cli, 'Passphrase that seals the keys (not shown): ')
  if (passphrase === '') {
    const what = 'a passphrase cannot be empty'
    throw new KithError('usage', what, { what }, { hint: `${command} --clear` })
  }
  if ((await askSecret(cli, 'Once more: ')) === passphrase) return passphrase
  const what = 'the two passphrases differ'
  throw new KithError('usage', what, { what }, { hint: command })
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
