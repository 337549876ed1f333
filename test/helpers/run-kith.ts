import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { LiveNode } from './live-node.ts'

const KITH = fileURLToPath(new URL('../../bin/kith.js', import.meta.url))

export interface Outcome {
  code: number
  out: string
  err: string
}

/** What `kith` says and exits with in the home of `node`. */
export async function kith(node: LiveNode, ...args: string[]): Promise<Outcome> {
  return await kithWith(node, '', ...args)
}

/** The same with this text in its standard input. */
export async function kithWith(node: LiveNode, input: string, ...args: string[]): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], KITH_HOME: node.home.path }
  const child = spawn(process.execPath, [KITH, ...args], { env, stdio: 'pipe' })
  const closed = once(child, 'close') as Promise<[number]>
  // One that does not read it may be gone before it is written.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed])
  return { code, out, err }
}
