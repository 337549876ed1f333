import { connect, createServer } from 'node:net'
import { REPLY_BYTES, type Contender } from './contender.ts'
import { answerFrames, framedConnection, serveOnLoopback } from './framed-socket.ts'

/** Length-prefixed frames over TCP in clear: the floor. */
export const tcp: Contender = {
  serve: () => {
    const reply = new Uint8Array(REPLY_BYTES)
    return serveOnLoopback(
      createServer((socket) => {
        answerFrames(socket, reply)
      }),
    )
  },
  client: async () => ({
    connect: async (address) => framedConnection(connect(Number(address), '127.0.0.1')),
    stop: async () => undefined,
  }),
}
