import { WEAK_POINTS } from './ed25519-points.ts'
import { enveloped, eventOf, publicKey, signedBy } from './key-log-events.ts'
import type { Change } from './key-log-events.ts'
import { fromHex, hex, seedOf } from './seeds.ts'

/** A statement that must be refused: with what, how it is called, and what differs in it from a good one. */
export type RefusedCase = [what: string, name: string, change: Change]

export interface StatementKind<T extends Change> {
  /** As which it is signed. */
  kind: string
  /** What it is called in its vectors. */
  as: string
  signer: string
  /** A good one, with `v` and `t`. */
  good: T
}

/** What the vectors of all statements have in common that one key alone signs. */
export class StatementCases<T extends Change> {
  readonly #kind: StatementKind<T>

  constructor(kind: StatementKind<T>) {
    this.#kind = kind
  }

  async vectors(init: {
    valid: readonly Promise<unknown>[]
    refused: readonly RefusedCase[]
    /** A kind that the same bytes could be signed as, and another good one, whose signature fits not this one. */
    not: { kind: string; name: string; change: Change }
    /** Signed by keys that it could be mistaken for. */
    signedBy?: Record<string, string>
  }): Promise<object> {
    const { signer } = this.#kind
    return {
      seed: hex(seedOf(signer)),
      key: hex(await publicKey(signer)),
      valid: await Promise.all(init.valid),
      refused: [
        ...(await Promise.all(init.refused.map((refused) => this.#refused(refused)))),
        ...(await this.#badlySigned(init.not, init.signedBy ?? {})),
      ],
    }
  }

  /** The good one with this change, and what it says. */
  async accepted(name: string, change: Change, says: (fields: T) => unknown): Promise<unknown> {
    const { as, good } = this.#kind
    return { name, [as]: await this.made(change), says: says({ ...good, ...change }) }
  }

  made(change: Change): Promise<string> {
    const { good, kind, signer } = this.#kind
    return signedBy(kind, eventOf({ ...good, ...change }), [signer])
  }

  /** Of another version or kind, and without each of its fields. `other` is another kind that there is. */
  misfits(other: { t: string; name: string }): RefusedCase[] {
    const names = Object.keys(this.#kind.good).filter((name) => name !== 'v' && name !== 't')
    return [
      ['unknown version', 'v of 2', { v: 2 }],
      ['unknown version', 'no v', { v: undefined }],
      ['unknown event type', other.name, { t: other.t }],
      ['unknown event type', 'no t', { t: undefined }],
      ...names.map((name): RefusedCase => ['missing field', `no ${name}`, { [name]: undefined }]),
    ]
  }

  async #refused([what, name, change]: RefusedCase): Promise<unknown> {
    return { what, name, [this.#kind.as]: await this.made(change) }
  }

  async #badlySigned(
    not: { kind: string; name: string; change: Change },
    others: Record<string, string>,
  ): Promise<unknown[]> {
    const { as, good, kind, signer } = this.#kind
    const bytes = eventOf(good)
    const made = await this.made({})
    const bad = (name: string, signed: string): unknown => ({
      what: 'bad signature',
      name,
      [as]: signed,
    })
    const byOthers = Object.entries(others).map(async ([name, other]) =>
      bad(name, await signedBy(kind, bytes, [other])),
    )
    return [
      { what: 'event too large', name: '2,049 bytes', [as]: '00'.repeat(2049) },
      { what: 'not canonical', name: 'a byte after it', [as]: `${made}00` },
      { what: 'not a signed event', name: 'the statement alone', [as]: hex(bytes) },
      bad('none', enveloped(bytes, [])),
      bad('two', await signedBy(kind, bytes, [signer, signer])),
      bad('of another key', await signedBy(kind, bytes, ['thief'])),
      bad('of another kind', await signedBy(not.kind, bytes, [signer])),
      bad(
        not.name,
        enveloped(eventOf({ ...good, ...not.change }), [hex(fromHex(made).subarray(-64))]),
      ),
      ...(await Promise.all(byOthers)),
      {
        what: 'bad signature',
        name: 'under a weak key',
        [as]: enveloped(bytes, [`01${'00'.repeat(63)}`]),
        key: WEAK_POINTS[0]?.point,
      },
    ]
  }
}
