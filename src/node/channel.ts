/** A stream of bytes both ways: libp2p's in a node, one in memory in a simulation. */
export interface Channel {
  /** Sends bytes; false when the next ones should wait for `drain`. @throws when the stream is closed */
  send(bytes: Uint8Array): boolean
  /** Sets who hears of this channel. Called once. */
  listen(listeners: ChannelListeners): void
  /** Ends the stream and the connection below it, at once. */
  abort(reason: Error): void
}

export interface ChannelListeners {
  bytes(chunk: Uint8Array): void
  drain(): void
  closed(reason?: Error): void
}
