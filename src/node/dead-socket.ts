import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'

/**
 * Removes the unix sockets among these multiaddrs on which nobody listens: a process that was killed leaves its own,
 * and no other can listen there before it is gone. Whatever else is in the place stays.
 */
export async function removeDeadSockets(addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    const path = multiaddr(address)
      .getComponents()
      .find(({ name }) => name === 'unix')?.value
    if (path !== undefined && (await isDeadSocket(path))) await unlink(path)
  }
}

/** True for a unix socket on which nobody listens. */
export async function isDeadSocket(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined)
  if (stats?.isSocket() !== true) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(path)
  socket.on('connect', () => {
    resolve(false)
  })
  socket.on('error', (err: NodeJS.ErrnoException) => {
    resolve(err.code === 'ECONNREFUSED')
  })
  const dead = await promise
  socket.destroy()
  return dead
}
