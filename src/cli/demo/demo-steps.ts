import type { AskStreamItem, JoinReport, PairingsReport } from '../../node/control/api.ts'
import { EXIT } from '../exit-codes.ts'
import { durationText } from '../time-text.ts'
import type { DemoNode } from './demo-node.ts'
import { check, connected, lines, parse, refused, statusOf, succeed } from './expect.ts'

/** The nodes of the demo. `mallory` pins alice, and nobody pins mallory. */
export interface Cast {
  alice: DemoNode
  bob: DemoNode
  mallory: DemoNode
}

/** One thing that is shown. */
export interface DemoStep {
  name: string
  /** What happened, in words. @throws when something else did */
  run: (cast: Cast) => Promise<string>
}

const COUNTED = 5

export const DEMO_STEPS: readonly DemoStep[] = [
  { name: 'init', run: make },
  { name: 'start', run: start },
  { name: 'pair', run: pair },
  { name: 'ping', run: ping },
  { name: 'ask', run: ask },
  { name: 'refused-by-preset', run: askTooMuch },
  { name: 'refused-by-grant', run: takeAskAway },
  { name: 'stranger', run: stranger },
  { name: 'stop', run: stop },
]

export async function make(cast: Cast): Promise<string> {
  const nodes = all(cast)
  await Promise.all(
    nodes.map(async (node) => {
      const args = ['--clear', '--name', node.name, '--listen', node.address, '--json']
      const { id } = parse(await succeed(node, 'init', ...args)) as { id: string }
      node.id = id
    }),
  )
  check(new Set(nodes.map(({ id }) => id)).size === nodes.length, 'two nodes have one id')
  return 'alice, bob and mallory are made: each has its own keys and its own home'
}

export async function start(cast: Cast): Promise<string> {
  const nodes = all(cast)
  await Promise.all(nodes.map((node) => node.start()))
  return `all three run, as processes ${nodes.map(({ pid }) => pid).join(', ')}`
}

export async function pair({ alice, bob }: Cast): Promise<string> {
  const { link } = parse(await succeed(alice, 'invite', 'bob', '--json')) as { link: string }
  const joined = parse(await succeed(bob, 'join', link, '--json')) as JoinReport
  const { invites } = parse(await succeed(alice, 'invites', 'list', '--json')) as PairingsReport
  const words = invites[0]?.used?.words.join(' ') ?? ''
  check(words === joined.paired?.words.join(' '), 'the two do not have the same words')
  const [bobAtAlice, aliceAtBob] = await Promise.all([
    connected(alice, bob.name),
    connected(bob, alice.name),
  ])
  check(bobAtAlice.id === bob.id && aliceAtBob.id === alice.id, 'somebody else is there')
  return `bob joined by a link of alice: both pinned each other, are connected, and see "${words}"`
}

export async function ping({ alice }: Cast): Promise<string> {
  const end = await succeed(alice, 'ping', 'bob', '--count', '3', '--interval', '0', '--json')
  const rtts = (lines(end) as { rttMs: number }[]).map(({ rttMs }) => rttMs)
  check(rtts.length === 3, 'a ping was lost')
  return `alice pinged bob: ${rtts.map(durationText).join(', ')}`
}

export async function ask({ alice }: Cast): Promise<string> {
  const end = await succeed(alice, 'ask', 'bob', `count ${COUNTED}`, '--json')
  const items = lines(end) as AskStreamItem[]
  const pieces = items.filter((item) => item.type === 'event').map(({ body }) => body['text'])
  const numbers = Array.from({ length: COUNTED }, (_, index) => `${index + 1}\n`)
  check(pieces.join('') === numbers.join(''), 'the answer is not what was asked for')
  check(pieces.length === COUNTED, 'the answer did not come piece by piece')
  const final = items.at(-1)
  check(final?.type === 'final' && final.final.outcome === 'done', 'the answer has no end')
  return `alice asked bob to count to ${COUNTED}, and the answer streamed in ${pieces.length} pieces`
}

export async function askTooMuch({ alice }: Cast): Promise<string> {
  const why = refused(await alice.run('ask', 'bob', 'status', '--json'), 'preset')
  return `alice asked bob for his status, more than he grants her: ${why}`
}

export async function takeAskAway({ alice, bob }: Cast): Promise<string> {
  await succeed(bob, 'peers', 'deny', 'alice', 'ask')
  const explained = await bob.run('peers', 'explain', 'alice', 'ask')
  check(explained.code === EXIT.refusedHere, 'bob does not say that alice may not ask')
  const why = refused(await alice.run('ask', 'bob', 'count 1', '--json'), 'allow')
  return `bob took the right to ask from alice while they were connected: ${why}`
}

export async function stranger({ alice, mallory }: Cast): Promise<string> {
  await succeed(mallory, 'peers', 'add', 'alice', alice.id, alice.address)
  const end = await mallory.run('ping', 'alice', '--count', '1', '--timeout', '3000', '--json')
  check(end.code === EXIT.noAnswer, `mallory's ping ended with ${end.code}: ${end.stderr}`)
  const { peers } = await statusOf(alice)
  check(
    peers.every(({ name }) => name === 'bob'),
    'alice knows more than bob',
  )
  return `mallory, whom nobody has pinned, called alice and got no answer: exit code ${end.code}`
}

export async function stop(cast: Cast): Promise<string> {
  await Promise.all(
    all(cast).map(async (node) => {
      await succeed(node, 'stop')
      check((await node.ended()) === EXIT.ok, `${node.name} did not stop well`)
      check((await node.run('status')).code === EXIT.notRunning, `${node.name} still answers`)
    }),
  )
  return 'all three have stopped'
}

function all({ alice, bob, mallory }: Cast): DemoNode[] {
  return [alice, bob, mallory]
}
