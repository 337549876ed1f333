import { Byes } from '../../../src/node/byes.ts'
import { Link } from '../../../src/node/link.ts'
import { Pins } from '../../../src/node/pins.ts'
import type { KnownPeer } from '../../../src/node/pins.ts'
import { idOfKeyLog } from '../../../src/node/key-logs.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import type { HeldKeyLog } from '../../../src/protocol/key-log-judge.ts'
import { swap } from '../plant.ts'
import type { Plant } from '../plant.ts'
import { SimConnection } from '../sim-connection.ts'
import { countRecoveries } from '../sim-keys.ts'
import { Thief } from '../thief.ts'

const PLANTS: readonly Plant[] = [
  {
    title: 'a thief of a key in use whose rotation is valid',
    finding: /\w+ takes \S+ for \w+|answers a log of \w+ that is forged/,
    put: () =>
      swap(
        Thief.prototype,
        'forge',
        () =>
          function (this: Thief, _what, at) {
            const thief = new Thief(this.victim, this.victim.keys.copy(), -1)
            thief.rotate({ why: 'compromise', graceSeconds: 0, at })
            return thief.own
          },
      ),
  },
  {
    title: 'pins that forget no key',
    finding: /gives \w+ for \S+ to a key of \w+ that is out|answers \w+, a stranger/,
    put: () => {
      const known = new WeakMap<Pins, Map<string, KnownPeer>>()
      return swap(
        Pins.prototype,
        'byKey',
        (byKey) =>
          function (this: Pins, key) {
            const before = known.get(this) ?? new Map<string, KnownPeer>()
            known.set(this, before)
            const peer = byKey.call(this, key)
            if (peer !== undefined) before.set(key, peer)
            return peer ?? before.get(key)
          },
      )
    },
  },
  {
    title: 'links that outlive their key',
    finding: /keeps a link under a key of [\w ]+ that is out/,
    put: () => {
      const heal = [Link.prototype, SimConnection.prototype].map((ended) =>
        swap(
          ended as { abort: (reason: Error) => void },
          'abort',
          (abort) =>
            function (this: unknown, reason) {
              if (reason.message !== 'unpinned') abort.call(this, reason)
            },
        ),
      )
      return () => {
        for (const each of heal) each()
      }
    },
  },
  {
    title: 'nodes that believe whoever came last',
    finding: /\w+ (follows a thief|undoes a recovery) of \w+/,
    put: () =>
      swap(
        Pins.prototype,
        'take',
        (take) =>
          async function (this: Pins, shown) {
            const held = this.keysOf(idOfKeyLog(shown))?.held
            if (held !== undefined) forget(held)
            return await take.call(this, shown)
          },
      ),
  },
  {
    title: 'nodes that serve whoever is frozen',
    finding: /gives end for (ask|status)\S* to a key of \w+ that is out/,
    put: () => {
      const heal = (['byKey', 'byId'] as const).map((by) =>
        swap(
          Pins.prototype,
          by,
          (find) =>
            function (this: Pins, what: string) {
              return thawed(find.call(this, what))
            },
        ),
      )
      return () => {
        for (const each of heal) each()
      }
    },
  },
  {
    title: 'owners who settle nothing by hand',
    seed: 12,
    finding: /no rest: \w+ (holds \w+ frozen|has no link to \w+)/,
    put: () => swap(Pins.prototype, 'settle', () => async () => false),
  },
  {
    title: 'byes that nothing ends',
    finding: /\w+ believes a thief that \w+ has unpinned it/,
    put: () => {
      const heal = (['review', 'forget'] as const).map((end) =>
        swap(Byes.prototype, end, () => () => undefined),
      )
      return () => {
        for (const each of heal) each()
      }
    },
  },
  {
    title: 'nodes that take no recovery',
    finding: /no rest: \w+ (holds \w+ frozen|knows another key of|has no link to)/,
    put: () =>
      swap(
        Pins.prototype,
        'take',
        (take) =>
          async function (this: Pins, shown) {
            if (countRecoveries(shown) === 0) return await take.call(this, shown)
            throw new KithError('malformed', 'none is taken', { what: 'recovery' })
          },
      ),
  },
]

/** The same peer, as if nothing stood against its key log. */
function thawed<T extends { frozen: boolean } | undefined>(peer: T): T {
  return peer === undefined ? peer : { ...peer, frozen: false }
}

/** Each in worlds that have thieves for certain. */
export const THIEF_PLANTS: readonly Plant[] = PLANTS.map((plant) => ({
  ...plant,
  put: (world) => {
    world.robbed = true
    return plant.put(world)
  },
}))

/** Back to the first event, which every branch goes on from. */
function forget(held: HeldKeyLog): void {
  held.events.splice(1)
  held.seenAt.splice(1)
  delete held.conflict
}
