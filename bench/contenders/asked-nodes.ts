import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { readConfig } from '../../src/node/config.ts'
import { homeOf, type Home } from '../../src/node/home.ts'
import { openIdentity } from '../../src/node/identity.ts'
import { KithNode } from '../../src/node/node.ts'
import { initNode } from '../../src/node/offline.ts'
import { isKnown } from '../../src/node/pins.ts'
import { surroundingsOf } from '../../src/node/surroundings.ts'
import { createTransport } from '../../src/node/transport.ts'
import type { Contender } from './contender.ts'

const DIAL_TIMEOUT_MS = 10_000

/** Above every load, so that the limits are decided on and refuse nothing. */
const PLENTY = 1_000_000

export interface AskedNode {
  /** What is asked. The answer has `REPLY_BYTES` bytes. */
  text: string
  /** What the node that answers has beside it, such as a model, and the settings for that. @default nothing */
  beside?: () => Promise<{ flags: Record<string, unknown>; stop: () => Promise<void> }>
}

/** Durable asks between two whole nodes, which have each other pinned. */
export const askedOver = ({ beside, text }: AskedNode): Contender => ({
  serve: async ({ clients, dir }) => {
    const extra = await beside?.()
    const server = homeIn(dir, 'server')
    const { id } = await initNode(server, { protection: { clear: true } })
    const ids: string[] = []
    for (let index = 0; index < clients; index++) {
      const home = homeIn(dir, `client-${index}`)
      ids.push((await initNode(home, { protection: { clear: true } })).id)
    }
    await pin(server, ids)
    await writeFile(join(dir, 'server-id'), id)
    const node = await start(server, ['/ip4/127.0.0.1/tcp/0'], extra?.flags)
    const [address = ''] = node.mesh.addresses()
    const stop = async (): Promise<void> => {
      await node.stop(0)
      await extra?.stop()
    }
    return { address, stop }
  },
  client: async ({ dir, index }) => {
    const home = homeIn(dir, `client-${index}`)
    await pin(home, [await readFile(join(dir, 'server-id'), 'utf8')])
    const node = await start(home, [])
    return {
      connect: async (address) => {
        const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS)
        const peer =
          node.pins.peers().find(isKnown) ?? (await node.mesh.visitLobby(address, signal))
        const link = await node.mesh.dial(peer, address, signal)
        return {
          call: async () => await ask(node, peer.pin.name, text),
          close: async () => {
            link.abort(new Error('closed'))
          },
        }
      },
      stop: () => node.stop(0),
    }
  },
})

async function ask(node: KithNode, peer: string, text: string): Promise<Uint8Array> {
  const handle = await node.desk.ask({ peer, text })
  const pieces: Uint8Array[] = []
  const events = handle.read(0)
  for (;;) {
    const { done, value } = await events.next()
    if (done !== true) {
      if (value.body.kind === 'text') pieces.push(Buffer.from(value.body.text))
    } else if (value.outcome === 'done') {
      return Buffer.concat(pieces)
    } else {
      throw new Error(`the ask failed: ${value.code}`)
    }
  }
}

function homeIn(dir: string, name: string): Home {
  return homeOf({ KITH_HOME: join(dir, name) }, undefined)
}

async function pin(home: Home, ids: string[]): Promise<void> {
  const ask = { per_minute: PLENTY, parallel: 128, queue: PLENTY, daily_bytes: PLENTY * 1_000 }
  const peers = ids.map((id, index) => ({
    name: `peer-${index}`,
    id,
    allow: ['ping', 'ask'],
    calls_per_minute: PLENTY,
    ask,
  }))
  await writeFile(home.peers, JSON.stringify({ version: 1, peers }), { mode: 0o600 })
}

async function start(
  home: Home,
  listen: string[],
  more: Record<string, unknown> = {},
): Promise<KithNode> {
  const flags = {
    ...more,
    listen,
    'agent.parallel': 128,
    'agent.queue': PLENTY,
    'lobby.per_minute': PLENTY,
  }
  const config = await readConfig(
    home.config,
    {},
    { ...flags, 'lobby.per_address_per_minute': PLENTY },
  )
  const identity = await openIdentity(home.path, undefined)
  const surroundings = await surroundingsOf(home, config)
  const node = await KithNode.openIn(
    {
      ...surroundings,
      // A node lets some tens of connections in a second; this one is to be measured.
      createTransport: (init) => createTransport({ ...init, connectsPerSecond: Infinity }),
    },
    { config, home, identity, log: pino({ level: 'silent' }) },
  )
  await node.start()
  return node
}
