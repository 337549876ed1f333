import { connect, createSecureContext, createServer } from 'node:tls'
import { lacksOpenssl, makeCertificates, readCertificates } from './certificates.ts'
import { REPLY_BYTES, type Contender } from './contender.ts'
import { answerFrames, framedConnection, serveOnLoopback } from './framed-socket.ts'

/** The frames of `tcp` under TLS 1.3, both sides with a certificate, every handshake a full one. */
export const tls: Contender = {
  lacks: lacksOpenssl,
  serve: async ({ dir }) => {
    await makeCertificates(dir)
    const reply = new Uint8Array(REPLY_BYTES)
    const server = createServer(
      {
        ...(await readCertificates(dir, 'server')),
        minVersion: 'TLSv1.3',
        requestCert: true,
        rejectUnauthorized: true,
      },
      (socket) => {
        answerFrames(socket, reply)
      },
    )
    return serveOnLoopback(server)
  },
  client: async ({ dir }) => {
    const secureContext = createSecureContext({
      ...(await readCertificates(dir, 'client')),
      minVersion: 'TLSv1.3',
    })
    return {
      connect: async (address) =>
        framedConnection(
          connect({
            port: Number(address),
            host: '127.0.0.1',
            servername: 'localhost',
            secureContext,
          }),
        ),
      stop: async () => undefined,
    }
  },
}
