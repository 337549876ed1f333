import { once } from 'node:events'
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/client'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { KithError, toError } from '../../protocol/errors.ts'
import { startChild } from '../child.ts'
import type { Child, ChildInit } from '../child.ts'

/** Longest message of a server, in bytes. What a tool says is cut to far less, but a picture comes with it. */
export const MAX_MESSAGE_BYTES = 4_194_304

/** All that a server may write between two requests of ours, in bytes: more is a flood. */
export const MAX_UNASKED_BYTES = 8_388_608

/**
 * The stdio transport of the Model Context Protocol, over a child process of ours: in its own process group, and with
 * those variables alone that `init.env` has. The library's own would add some, and leave what the server started.
 */
export class ChildTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: Transport['onmessage']
  readonly #init: ChildInit
  readonly #read = new ReadBuffer({ maxBufferSize: MAX_MESSAGE_BYTES })
  #child: Child | undefined
  #unaskedBytes = 0
  #fault: string | undefined

  constructor(init: ChildInit) {
    this.#init = init
  }

  /** Why it is closed, in our own words. */
  get why(): string | undefined {
    return this.#fault
  }

  /** The last of what it wrote to its standard error. */
  get stderrTail(): string {
    return this.#child?.stderrTail ?? ''
  }

  /** @throws {KithError} `program-failed` */
  async start(): Promise<void> {
    const child = await startChild(this.#init)
    this.#child = child
    if (this.#fault !== undefined) {
      // It was closed while it started, when there was nothing to end yet.
      await child.stop()
      throw this.#failure('is not running')
    }
    child.stdout.on('data', (chunk: Buffer) => {
      this.#take(chunk)
    })
    void this.#watch(child)
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const child = this.#child
    if (child === undefined || this.#fault !== undefined) throw this.#failure('is not running')
    if (child.stdin.writableLength > MAX_MESSAGE_BYTES) {
      this.#end('reads nothing of what it is sent')
      throw this.#failure('is not running')
    }
    // An answer of ours does not count: it is the server that would have asked.
    if ('method' in message && 'id' in message) this.#unaskedBytes = 0
    child.stdin.write(serializeMessage(message))
  }

  /** Resolves when nothing of the server runs any more. */
  async close(): Promise<void> {
    this.#fault ??= 'was stopped'
    await this.#child?.stop()
  }

  #take(chunk: Buffer): void {
    if (this.#fault !== undefined) return
    this.#unaskedBytes += chunk.length
    if (this.#unaskedBytes > MAX_UNASKED_BYTES) {
      this.#end(`wrote more than ${MAX_UNASKED_BYTES} bytes that nobody asked for`)
      return
    }
    try {
      this.#read.append(chunk)
    } catch {
      this.#end(`wrote a line of more than ${MAX_MESSAGE_BYTES} bytes`)
      return
    }
    for (;;) {
      try {
        // A line that is no JSON is left out: some servers greet whoever starts them.
        const message = this.#read.readMessage()
        if (message === null) return
        this.onmessage?.(message)
      } catch (err) {
        this.onerror?.(toError(err))
      }
    }
  }

  #end(why: string): void {
    this.#fault ??= why
    this.#read.clear()
    void this.#child?.stop()
  }

  async #watch(child: Child): Promise<void> {
    // What it wrote last is read before it is gone.
    const [end] = await Promise.all([child.ended, once(child.stdout, 'end')])
    this.#fault ??= `ended with ${end.signal ?? `exit code ${String(end.exitCode)}`}`
    this.onclose?.()
  }

  #failure(why: string): KithError<'program-failed'> {
    const [program] = this.#init.argv
    const reason = this.#fault ?? why
    return new KithError('program-failed', `${program} ${reason}`, { program, why: reason })
  }
}
