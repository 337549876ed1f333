import type { Connection, MessageStream, Stream } from '@libp2p/interface'
import { encode } from '../../src/protocol/cbor.ts'
import { LINK_PROTOCOL, LOBBY_PROTOCOL } from '../../src/protocol/limits.ts'
import { encodeFrame } from '../../src/protocol/frame.ts'
import { encodeMessage } from '../../src/protocol/message.ts'
import type { Message } from '../../src/protocol/message.ts'
import { helloOf } from './raw-peer.ts'

/** These messages as a link carries them. */
export function framesOf(...messages: Message[]): Uint8Array {
  return Buffer.concat(messages.map((message) => encodeFrame(encodeMessage(message))))
}

/** A link's stream as a pinned peer opens it, which has said hello and says no more by itself. */
export async function openLink(connection: Connection): Promise<Stream> {
  const stream = await connection.newStream(LINK_PROTOCOL)
  stream.send(framesOf(helloOf()))
  return stream
}

/** Sends, and resolves when the stream takes more or will never. */
export async function sendOn(stream: MessageStream, bytes: Uint8Array): Promise<void> {
  if (stream.send(bytes)) return
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const done = (): void => {
    resolve(undefined)
  }
  stream.addEventListener('drain', done, { once: true })
  stream.addEventListener('close', done, { once: true })
  await promise
}

/** What lies below the streams of a connection, inside Noise: whoever sends there must write Yamux himself. */
export function belowStreams(connection: Connection): MessageStream {
  // Private to their classes: no honest node has a use for it.
  const muxer = Reflect.get(connection, 'muxer') as object
  return Reflect.get(muxer, 'maConn') as MessageStream
}

/** A stream to the lobby at the other end. */
export async function openLobby(connection: Connection): Promise<Stream> {
  return await connection.newStream(LOBBY_PROTOCOL)
}

/** What a visitor of the lobby says to show its key log, behind its length. */
export function showOf(log: Uint8Array[]): Uint8Array {
  return encodeFrame(encode({ t: 'show', log }))
}

/** Shows a key log in the lobby at the other end. */
export async function showLog(connection: Connection, log: Uint8Array[]): Promise<Stream> {
  const stream = await openLobby(connection)
  stream.send(showOf(log))
  return stream
}
