import { once } from 'node:events'
import { createServer } from 'node:net'

/*
 * Below the ports that a system gives to whoever asks for any (32768 on Linux, 49152 elsewhere): one of those may go to
 * a connection of another test before it is listened on. Each process of mocha has a range of its own.
 */
const FIRST_PORT = 11_000
const PORTS_OF_PROCESS = 2_500
const PROCESSES = 8

const first =
  FIRST_PORT + (Number(process.env['MOCHA_WORKER_ID'] ?? 0) % PROCESSES) * PORTS_OF_PROCESS
// Another run of the tests on this machine begins elsewhere.
let next = Math.floor(Math.random() * PORTS_OF_PROCESS)

/** A port of this machine that is free, and that nobody else is given. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS_OF_PROCESS; tried++) {
    const port = first + next
    next = (next + 1) % PORTS_OF_PROCESS
    if (await isFree(port)) return port
  }
  throw new Error(`no port is free from ${first} on`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = once(server, 'listening')
  server.listen(port)
  try {
    await listening
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
