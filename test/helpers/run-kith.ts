import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { LiveNode } from './live-node.ts'
import { compileCache, program } from './programs.ts'

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
  const env = {
    PATH: process.env['PATH'],
    KITH_HOME: node.home.path,
    NODE_COMPILE_CACHE: compileCache(),
  }
  const child = spawn(process.execPath, [program('kith'), ...args], { env, stdio: 'pipe' })
  const closed = once(child, 'close') as Promise<[number]>
  // One that does not read it may be gone before it is written.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed])
  return { code, out, err }
}
