import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import {
  certificatePaths,
  lacksOpenssl,
  makeCertificates,
  readCertificates,
  type CertificateOwner,
} from './certificates.ts'
import { REPLY_BYTES, type Contender } from './contender.ts'

const SUBJECT = 'ask'
const CALL_TIMEOUT_MS = 10_000

/** Debian installs the broker where only root's PATH looks. */
const ENV = { ...process.env, PATH: [process.env['PATH'], '/usr/sbin'].join(delimiter) }

/** Request and reply through a NATS broker, mutual TLS on both hops. */
export const nats: Contender = {
  lacks: () => {
    const { error } = spawnSync('nats-server', ['--version'], { env: ENV })
    return error === undefined ? lacksOpenssl() : 'nats-server is not installed'
  },
  serve: async ({ dir }) => {
    await makeCertificates(dir)
    const broker = await startBroker(dir)
    const connection = await connectTo(broker.address, dir, 'server')
    const reply = new Uint8Array(REPLY_BYTES)
    connection.subscribe(SUBJECT, {
      callback: (err, message) => {
        if (err === null) message.respond(reply)
      },
    })
    // What is flushed has reached the broker: nobody can call before the subscription stands.
    await connection.flush()
    return {
      address: broker.address,
      brokerPid: broker.pid,
      stop: async () => {
        await connection.close()
        await broker.stop()
      },
    }
  },
  client: async ({ dir }) => ({
    connect: async (address) => {
      const connection = await connectTo(address, dir, 'client')
      return {
        call: async (body) =>
          (await connection.request(SUBJECT, body, { timeout: CALL_TIMEOUT_MS })).data,
        close: () => connection.close(),
      }
    },
    stop: async () => undefined,
  }),
}

async function connectTo(
  address: string,
  dir: string,
  owner: CertificateOwner,
): Promise<NatsConnection> {
  const { ca, cert, key } = await readCertificates(dir, owner)
  const tls = { ca: ca.toString(), cert: cert.toString(), key: key.toString() }
  return connect({ servers: address, tls, reconnect: false })
}

interface Broker {
  address: string
  pid: number
  stop(): Promise<void>
}

async function startBroker(dir: string): Promise<Broker> {
  const { ca, cert, key } = certificatePaths(dir, 'server')
  const config = join(dir, 'nats.conf')
  await writeFile(
    config,
    [
      'listen: "127.0.0.1:-1"',
      `tls { ca_file: "${ca}", cert_file: "${cert}", key_file: "${key}", verify: true }`,
    ].join('\n'),
  )
  const broker = spawn('nats-server', ['-c', config], {
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // Whatever ends this process must not leave the broker behind.
  const kill = (): void => void broker.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(broker, 'exit')
  const address = await listeningAddress(broker)
  if (broker.pid === undefined) throw new Error('nats-server has no process id')
  return {
    address,
    pid: broker.pid,
    stop: async () => {
      broker.kill('SIGTERM')
      await exited
      process.off('exit', kill)
    },
  }
}

/** The address that the broker says it listens on, in its log, once it says that it is ready. */
async function listeningAddress(
  broker: ChildProcess & { stderr: NodeJS.ReadableStream },
): Promise<string> {
  let address: string | undefined
  const lines = createInterface(broker.stderr)
  for await (const line of lines) {
    address ??= /Listening for client connections on (\S+)/.exec(line)?.[1]
    if (address !== undefined && line.includes('Server is ready')) {
      // The log goes on: unread, it would fill the pipe.
      broker.stderr.resume()
      return address
    }
  }
  throw new Error('nats-server ended before it was ready')
}
