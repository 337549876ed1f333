import { requestText, rotationWords } from '../../../src/protocol/rotation-request.ts'
import type { FailureCode } from '../../../src/protocol/errors.ts'
import type { Action } from '../action.ts'
import type { SimNode } from '../sim-node.ts'
import type { World } from '../world.ts'

const NEVER = new AbortController().signal

/** What may become of a request that another one has overtaken, or that does not get through. */
const REFUSALS: readonly FailureCode[] = [
  'no-rotation',
  'rotation-outdated',
  'malformed',
  'bad-request',
  'rate-limited',
  'unreachable',
  'connection-lost',
  'deadline',
  'cancelled',
  'denied',
  'frozen',
  'rotated',
  'key-not-kept',
]

/** An owner wants to rotate a node whose rotation key is on another one of his. */
const prepare: Action = {
  name: 'prepare a rotation',
  weight: 1,
  begin(world) {
    const node = someHeadless(world)
    if (node === undefined) return
    node.note('prepares a rotation')
    node.owner(['malformed'], ({ keys }) =>
      keys.rotation.rotate({ why: 'routine', graceSeconds: 600, passphrase: undefined }),
    )
  },
}

/** He asks the other one, over the mesh, and takes what that has signed. */
const request: Action = {
  name: 'request a rotation',
  weight: 3,
  begin(world) {
    const node = someHeadless(world)
    const keeper = node === undefined ? undefined : world.keepers.get(node)
    if (node !== undefined && keeper !== undefined) fetch(world, node, keeper)
  },
}

/** He signs there what he sees waiting here. */
const endorse: Action = {
  name: 'sign a rotation',
  weight: 2,
  begin(world) {
    const node = someHeadless(world)
    const keeper = node === undefined ? undefined : world.keepers.get(node)
    if (node !== undefined && keeper !== undefined) signAt(keeper, node)
  },
}

export const HEADLESS_ACTIONS: readonly Action[] = [prepare, request, endorse]

/** Brings all rotations to their end that wait for who keeps the rotation key. */
export function finishRotations(world: World): void {
  for (const [node, keeper] of world.keepers) {
    if (node.keys.waiting === undefined) continue
    signAt(keeper, node)
    fetch(world, node, keeper)
  }
}

function someHeadless({ keepers, random }: World): SimNode | undefined {
  return keepers.size === 0 ? undefined : random.of([...keepers.keys()])
}

function fetch(world: World, node: SimNode, keeper: SimNode): void {
  node.owner(REFUSALS, async ({ keys, pins }) => {
    const peer = pins.byId(keeper.id)
    if (peer === undefined || node.keys.waiting === undefined) return
    node.note(`asks ${keeper.name} to sign its rotation`)
    const { endorsement } = await keys.request(peer, NEVER)
    if (endorsement === undefined) return
    node.note('completes its rotation')
    await keys.complete(endorsement, undefined)
    world.tally('rotation signed by another node')
  })
}

/** Only what has the words that the owner sees at the node that asks: a thief can ask too. */
function signAt(keeper: SimNode, node: SimNode): void {
  keeper.owner(REFUSALS, async ({ keys }) => {
    const words = node.keys.waiting === undefined ? '' : rotationWords(node.keys.waiting).join()
    const waiting = await keys.requests.list()
    for (const { draft, endorsed, request } of waiting) {
      if (endorsed !== undefined || rotationWords(draft).join() !== words) continue
      keeper.note(`signs a rotation of ${node.name}`)
      await keys.sign(requestText(request), undefined)
    }
  })
}
