import type { Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { decode, encode } from '../protocol/cbor.ts'
import type { CborValue } from '../protocol/cbor.ts'
import { KithError } from '../protocol/errors.ts'
import { LOBBY_MAX_BYTES } from '../protocol/limits.ts'
import { isMap } from '../protocol/message.ts'

/** A message of the lobby: a map whose `t` says what it is. */
export interface LobbyMessage {
  t: string
  [field: string]: CborValue
}

/** The one stream of a visit, message by message. */
export interface LobbyWire {
  /** @throws {KithError} `malformed`, or what ended the stream */
  read(): Promise<LobbyMessage>
  write(message: LobbyMessage): Promise<void>
}

/** Who is at the other end of a visit. */
export interface Visitor {
  /** Peer id that Noise has proved. */
  key: string
  /** Multiaddr that it came from. */
  address: string
  /** Peer id of our own end of the connection. */
  ownKey: string
}

/** What is said in the lobby after a first message of its kind. Whatever it throws, the visitor hears nothing. */
export type LobbyTalk = (first: LobbyMessage, wire: LobbyWire, visitor: Visitor) => Promise<void>

/** The messages on a stream of the lobby's protocol: `varint length | CBOR`. */
export function lobbyWire(stream: Stream, signal: AbortSignal): LobbyWire {
  const wire = lpStream(stream, { maxDataLength: LOBBY_MAX_BYTES })
  return {
    read: async () => readLobbyMessage((await wire.read({ signal })).subarray()),
    write: async (message) => {
      await wire.write(encode(message), { signal })
    },
  }
}

/** @throws {KithError} `malformed` */
export function readLobbyMessage(bytes: Uint8Array): LobbyMessage {
  const message = decode(bytes)
  if (isMap(message) && isLobbyMessage(message)) return message
  throw new KithError('malformed', 'no message of the lobby', { what: 'lobby message' })
}

function isLobbyMessage(map: Record<string, CborValue>): map is LobbyMessage {
  return typeof map['t'] === 'string'
}
