import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { initNode } from '../../src/node/offline.ts'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import { editPeers } from '../../src/store/peers-file.ts'
import { program } from './programs.ts'

/** What accepts connections and never says a word. */
export interface Silence {
  /** `127.0.0.1:PORT` is where. */
  port: number
  /** Connections that were made to it. */
  readonly tries: number
  /** Those of them that were given up. */
  readonly givenUp: number
  close: () => Promise<void>
}

export async function silence(): Promise<Silence> {
  const sockets = new Set<Socket>()
  let givenUp = 0
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).once('close', () => givenUp++))
    // Its end is noticed by who reads.
    socket.resume()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get tries() {
      return sockets.size
    },
    get givenUp() {
      return givenUp
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A home with nothing set but where it listens. */
export async function minimalHome(folder: string): Promise<Home> {
  const home = homeOf({ KITH_HOME: folder }, undefined)
  await initNode(home, { protection: { clear: true }, listen: ['/ip4/127.0.0.1/tcp/0'] })
  return home
}

/**
 * A home that uses all that starts with a node: the model engine, two MCP servers, jobs and the HTTP listener. What it
 * needs of others is at `port` of loopback: a provider, an MCP server, and so many peers.
 */
export async function fullHome(folder: string, port: number, peers: number): Promise<Home> {
  const home = await minimalHome(folder)
  const config = {
    version: 1,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    http: { listen: '127.0.0.1:0' },
    agent: {
      engine: 'model',
      providers: [{ name: 'local', kind: 'openai-compatible', url: `http://127.0.0.1:${port}/v1` }],
      model: { use: ['local/model'] },
      mcp: [
        { name: 'here', run: [process.execPath, program('mcp-server')] },
        { name: 'away', url: `http://127.0.0.1:${port}/mcp` },
      ],
    },
  }
  await writeFile(home.config, JSON.stringify(config), { mode: 0o600 })
  const jobs = [1, 2, 3].map((count) => ({
    ...{ name: `job-${count}`, enabled: true, zone: 'Europe/Berlin' },
    schedule: { kind: 'daily', at: '07:00' },
    target: { kind: 'ask', peer: 'self', text: 'time' },
  }))
  await writeFile(home.jobs, JSON.stringify({ version: 1, jobs }), { mode: 0o600 })
  for (let count = 0; count < peers; count++) {
    const id = nodeIdOf(new Uint8Array(32).fill(count + 1))
    const addresses = [`/ip4/127.0.0.1/tcp/${port}`]
    await editPeers(home.peers, {
      op: 'add',
      peer: { name: `peer-${count}`, id, addresses, allow: ['ping'] },
    })
  }
  return home
}
