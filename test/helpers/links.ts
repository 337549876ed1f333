import type { Answer } from '../../src/node/answer.ts'
import { Link } from '../../src/node/link.ts'
import type { LinkInit } from '../../src/node/link.ts'
import type { Body } from '../../src/protocol/message.ts'
import { channelPair, settle } from './memory-channel.ts'
import type { MemoryChannel } from './memory-channel.ts'
import { RawPeer, helloOf } from './raw-peer.ts'

/** Long enough for no test to wait for it. */
export const PATIENT = { deadlineMs: 60_000 }

/** A link over `channel`, which answers each call with its body unless told otherwise. */
export function linkOver(channel: MemoryChannel, init: Partial<LinkInit> = {}): Link {
  return new Link(channel, {
    peer: { id: 'kith1peer', key: 'peer' },
    outbound: true,
    openedAt: 0,
    hello: helloOf(),
    answer: ({ call }) => call.body,
    ...init,
  })
}

/** Two links that have said hello to each other, with the channel below each. */
export async function linkPair(
  init: { near?: Partial<LinkInit>; far?: Partial<LinkInit> } = {},
  cut?: (bytes: Uint8Array) => Uint8Array[],
): Promise<{ near: Link; far: Link; nearChannel: MemoryChannel; farChannel: MemoryChannel }> {
  const [nearChannel, farChannel] = channelPair(cut)
  const near = linkOver(nearChannel, init.near)
  const far = linkOver(farChannel, { outbound: false, ...init.far })
  await Promise.all([near.opened, far.opened])
  return { near, far, nearChannel, farChannel }
}

/** A link that has heard the hello of a far end that a test plays. */
export async function linkToRaw(
  init: Partial<LinkInit> = {},
): Promise<{ link: Link; channel: MemoryChannel; peer: RawPeer }> {
  const [channel, farChannel] = channelPair()
  const link = linkOver(channel, init)
  const peer = new RawPeer(farChannel)
  await peer.say(helloOf())
  return { link, channel, peer }
}

/** Calls that are answered when the test says so, in any order. */
export class HeldAnswers {
  readonly answers: Answer[] = []
  readonly #ends = new Map<Answer, PromiseWithResolvers<Body>>()

  readonly take = (answer: Answer): Promise<Body> => {
    const end = Promise.withResolvers<Body>()
    this.answers.push(answer)
    this.#ends.set(answer, end)
    return end.promise
  }

  async end(index: number, body: Body = null): Promise<void> {
    this.#of(index).resolve(body)
    await settle()
  }

  async fail(index: number, err: Error): Promise<void> {
    this.#of(index).reject(err)
    await settle()
  }

  #of(index: number): PromiseWithResolvers<Body> {
    const answer = this.answers[index]
    const end = answer === undefined ? undefined : this.#ends.get(answer)
    if (end === undefined) throw new TypeError(`no call ${index}`)
    return end
  }
}
