import { KithError } from '../protocol/errors.ts'
import type { CliContext } from './context.ts'

/** All of the standard input. @throws {KithError} `too-large` as soon as `what` cannot hold it */
export async function readStdin(
  { stdin }: Pick<CliContext, 'stdin'>,
  what: string,
  limitBytes: number,
): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    const part = Buffer.from(chunk)
    chunks.push(part)
    bytes += part.byteLength
    if (bytes > limitBytes) {
      const message = `${what} has at most ${limitBytes} bytes`
      throw new KithError('too-large', message, { bytes, limitBytes })
    }
  }
  return Buffer.concat(chunks).toString()
}
