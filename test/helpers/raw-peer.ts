import { FrameDecoder, encodeFrame } from '../../src/protocol/frame.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/message.ts'
import type { Body, Hello, Message } from '../../src/protocol/message.ts'
import type { MemoryChannel } from './memory-channel.ts'
import { settle } from './memory-channel.ts'

/** A hello as a node of this version says it. */
export function helloOf(changes: Partial<Hello> = {}): Hello {
  return { t: 'hello', at: 0, sn: 0, epoch: 1, software: 'kith/test', versions: [1, 1], ...changes }
}

/** The far end of a link, played by a test: it says what the test says, right or wrong. */
export class RawPeer {
  /** What came, in order. */
  readonly heard: Message[] = []
  closed = false
  readonly #channel: MemoryChannel
  readonly #decoder = new FrameDecoder()

  constructor(channel: MemoryChannel) {
    this.#channel = channel
    channel.listen({
      bytes: (chunk) => {
        for (const body of this.#decoder.push(chunk)) this.heard.push(decodeMessage(body))
      },
      drain: () => undefined,
      closed: () => {
        this.closed = true
      },
    })
  }

  /** Sends these messages, each in a frame of its own, all of them at once. */
  async say(...messages: Message[]): Promise<void> {
    const frames = messages.map((message) => encodeFrame(encodeMessage(message)))
    await this.sayBytes(Buffer.concat(frames))
  }

  async sayBytes(bytes: Uint8Array): Promise<void> {
    this.#channel.send(bytes)
    await settle()
  }

  /** What came of this kind. */
  all<T extends Message['t']>(kind: T): Extract<Message, { t: T }>[] {
    return this.heard.filter((message): message is Extract<Message, { t: T }> => message.t === kind)
  }

  async call(id: number, body: Body = null, verb = 'echo', deadlineMs = 10_000): Promise<void> {
    await this.say({ t: 'call', id, body, verb, deadlineMs })
  }
}
