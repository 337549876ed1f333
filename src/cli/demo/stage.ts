import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CliContext } from '../context.ts'
import { DemoNode } from './demo-node.ts'
import type { Cast } from './demo-steps.ts'

/** The nodes of the demo and the folder that they live in. */
export interface Stage {
  cast: Cast
  folder: string
  /** Ends what still runs, and removes all files. */
  clear: () => Promise<void>
}

/** A stage with nodes that are not made yet, each with a free port of its own. */
export async function openStage(
  { env, program }: Pick<CliContext, 'env' | 'program'>,
  signal: AbortSignal,
): Promise<Stage> {
  const [first = 0, second = 0, third = 0] = await freePorts(3)
  const folder = await mkdtemp(join(tmpdir(), 'kith-demo-'))
  const node = (name: string, port: number): DemoNode =>
    new DemoNode({
      name,
      home: join(folder, name),
      address: `/ip4/127.0.0.1/tcp/${port}`,
      program,
      env,
      signal,
    })
  const cast = {
    alice: node('alice', first),
    bob: node('bob', second),
    mallory: node('mallory', third),
  }
  return {
    cast,
    folder,
    clear: async () => {
      await Promise.all(Object.values(cast).map((each) => each.clear()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Ports of the loopback that nobody listens on: each node has to know the others' before they run. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await new Promise((resolve, reject) => {
        server.once('listening', resolve).once('error', reject)
      })
      return server
    }),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(
    servers.map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve)
        }),
    ),
  )
  return ports
}
