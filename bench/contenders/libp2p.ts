import { noise } from '@chainsafe/libp2p-noise'
import type { Connection as Libp2pConnection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { REPLY_BYTES, type Connection, type Contender } from './contender.ts'

const PROTOCOL = '/bench/ask/1'

/** The default of 32 in and 64 out resets streams with 64 calls in flight. */
const MAX_STREAMS = 1_000

function defaults(): Libp2pOptions {
  return {
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // The default of 5 connections a second from one address refuses the benchmark itself.
    connectionManager: { inboundConnectionThreshold: Infinity, maxConnections: MAX_STREAMS },
  }
}

/** libp2p as it comes, save for limits that would refuse the load, with a new stream for each ask. */
export const libp2p: Contender = {
  serve: async () => {
    const node = await createLibp2p({
      ...defaults(),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    })
    const reply = new Uint8Array(REPLY_BYTES)
    await node.handle(PROTOCOL, (stream) => answer(stream, reply), {
      maxInboundStreams: MAX_STREAMS,
    })
    const [address] = node.getMultiaddrs()
    if (address === undefined) throw new Error('libp2p has no address')
    return { address: address.toString(), stop: async () => node.stop() }
  },
  client: async () => {
    const node = await createLibp2p(defaults())
    return {
      connect: async (address) => streamPerCall(await node.dial(multiaddr(address))),
      stop: async () => node.stop(),
    }
  },
}

async function answer(stream: Stream, reply: Uint8Array): Promise<void> {
  await readAll(stream)
  stream.send(reply)
  await stream.close()
}

function streamPerCall(connection: Libp2pConnection): Connection {
  return {
    call: async (body) => {
      const stream = await connection.newStream(PROTOCOL, { maxOutboundStreams: MAX_STREAMS })
      stream.send(body)
      await stream.close()
      return readAll(stream)
    },
    close: () => connection.close(),
  }
}

/** All that the other side sends until it closes its end. */
async function readAll(stream: Stream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk.subarray())
  return Buffer.concat(chunks)
}
