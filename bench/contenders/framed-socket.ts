import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import type { Connection, Serving } from './contender.ts'

const HEADER_BYTES = 4

/** Splits what a socket delivers into bodies: `u32 big-endian length | body`. */
class FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  /** The bodies that `chunk` completes. */
  push(chunk: Buffer): Buffer[] {
    const bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const bodies: Buffer[] = []
    let offset = 0
    while (bytes.byteLength - offset >= HEADER_BYTES) {
      const start = offset + HEADER_BYTES
      const end = start + bytes.readUInt32BE(offset)
      if (end > bytes.byteLength) break
      bodies.push(bytes.subarray(start, end))
      offset = end
    }
    this.#rest = bytes.subarray(offset)
    return bodies
  }
}

/** Writes the frames of one tick as one buffer: the fastest way there is, and so the yardstick. */
class FrameWriter {
  readonly #socket: Socket
  #parts: Uint8Array[] = []

  constructor(socket: Socket) {
    this.#socket = socket
  }

  write(body: Uint8Array): void {
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    header.writeUInt32BE(body.byteLength)
    if (this.#parts.push(header, body) === 2)
      process.nextTick(() => {
        this.#flush()
      })
  }

  #flush(): void {
    this.#socket.write(Buffer.concat(this.#parts))
    this.#parts = []
  }
}

/** Answers each frame that arrives on `socket` with `reply`. */
export function answerFrames(socket: Socket, reply: Uint8Array): void {
  const reader = new FrameReader()
  const writer = new FrameWriter(socket)
  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    for (let left = reader.push(chunk).length; left > 0; left--) writer.write(reply)
  })
  // A client that goes away resets: it has what it came for.
  socket.on('error', () => socket.destroy())
}

/** Calls over `socket`, which answers them in the order they were made. */
export function framedConnection(socket: Socket): Connection {
  const reader = new FrameReader()
  const writer = new FrameWriter(socket)
  const waiting: PromiseWithResolvers<Uint8Array>[] = []
  let failure = new Error('connection closed')
  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    for (const body of reader.push(chunk)) waiting.shift()?.resolve(body)
  })
  socket.on('error', (err) => {
    failure = err
  })
  socket.on('close', () => {
    for (const call of waiting.splice(0)) call.reject(failure)
  })
  return {
    call: (body) => {
      if (socket.destroyed) return Promise.reject(failure)
      const call = Promise.withResolvers<Uint8Array>()
      waiting.push(call)
      writer.write(body)
      return call.promise
    },
    close: async () => {
      if (socket.closed) return
      const closed = once(socket, 'close')
      socket.destroy()
      await closed
    },
  }
}

/** Listens on a free port of loopback; the address is that port. */
export async function serveOnLoopback(server: Server): Promise<Serving> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new TypeError('not a TCP server')
  return {
    address: String(bound.port),
    stop: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
