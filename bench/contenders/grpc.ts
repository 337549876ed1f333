import {
  Client as GrpcClient,
  Server,
  ServerCredentials,
  credentials,
  type MethodDefinition,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { lacksOpenssl, makeCertificates, readCertificates } from './certificates.ts'
import { REPLY_BYTES, type Connection, type Contender } from './contender.ts'

const asIs = (bytes: Buffer): Buffer => bytes

/** A unary method whose messages are bytes: no schema, so no cost of one. */
const ASK: MethodDefinition<Buffer, Buffer> = {
  path: '/bench.Peer/Ask',
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
}

const CHANNEL_OPTIONS = {
  // Without a pool of its own a second client would take over the connection of the first.
  'grpc.use_local_subchannel_pool': 1,
  // TLS has no server name for a bare address.
  'grpc.ssl_target_name_override': 'localhost',
}

/** gRPC over HTTP/2 and mutual TLS, a unary call per ask. */
export const grpc: Contender = {
  lacks: lacksOpenssl,
  serve: async ({ dir }) => {
    await makeCertificates(dir)
    const { ca, cert, key } = await readCertificates(dir, 'server')
    const pairs = [{ private_key: key, cert_chain: cert }]
    const reply = Buffer.alloc(REPLY_BYTES)
    const server = new Server()
    server.addService(
      { ask: ASK },
      {
        ask: (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          done(null, reply)
        },
      },
    )
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(
        '127.0.0.1:0',
        ServerCredentials.createSsl(ca, pairs, true),
        (err, bound) => {
          if (err === null) resolve(bound)
          else reject(err)
        },
      )
    })
    return {
      address: `127.0.0.1:${port}`,
      stop: async () => {
        server.forceShutdown()
      },
    }
  },
  client: async ({ dir }) => {
    const { ca, cert, key } = await readCertificates(dir, 'client')
    const secure = credentials.createSsl(ca, key, cert)
    return {
      connect: async (address) => unaryConnection(new GrpcClient(address, secure, CHANNEL_OPTIONS)),
      stop: async () => undefined,
    }
  },
}

function unaryConnection(client: GrpcClient): Connection {
  return {
    call: (body) =>
      new Promise((resolve, reject) => {
        const request = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
        client.makeUnaryRequest(ASK.path, asIs, asIs, request, (err, reply) => {
          if (reply !== undefined) resolve(reply)
          else reject(err ?? new Error('neither a reply nor an error'))
        })
      }),
    close: async () => {
      client.close()
    },
  }
}
