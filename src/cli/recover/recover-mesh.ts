import type { CliContext } from '../context.ts'
import { reportFailure } from '../failure.ts'
import type { ShownFinding } from '../commands/doctor.ts'

/** What a step of the checklist has found. */
export type StepFinding = Omit<ShownFinding, 'check'>

/** One turn of an agent may take so long, in ms: a model that is loaded for the first time takes its time. */
const TURN_MS = 120_000

/** A word that every engine has an answer to, and that costs next to nothing. */
const WORD = 'help'

/** Whether each peer is there and holds the key log that this node has. */
export async function peersAgree({ client }: CliContext): Promise<StepFinding> {
  const { peers } = await client.call('key', {})
  if (peers.length === 0) return { state: 'ok', what: 'nobody is pinned' }
  const frozen = peers.filter(({ state }) => state === 'frozen')
  if (frozen.length > 0) {
    const what = `${namesOf(frozen)} dispute the key of this node`
    return { state: 'fail', what, hint: 'kith key recover' }
  }
  const silent: string[] = []
  for (const { peer } of peers) {
    const isThere = await client.call('ping', { name: peer }).then(
      () => true,
      () => false,
    )
    if (!isThere) silent.push(peer)
  }
  const [first] = silent
  if (first !== undefined) {
    const what = `not reached: ${silent.join(', ')}`
    return { state: 'warn', what, hint: `kith ping ${first}, then kith peers show ${first}` }
  }
  const unseen = (await client.call('key', {})).peers.filter(({ state }) => state === 'unseen')
  if (unseen.length === 0) return { state: 'ok', what: 'each is there, and agrees on the key' }
  return {
    state: 'warn',
    what: `have not seen the key: ${namesOf(unseen)}`,
    hint: 'kith key status',
  }
}

/** Whether the node answers its owner. */
export async function localTurn(cli: CliContext): Promise<StepFinding> {
  const failure = await turn(cli, 'self')
  if (failure === undefined) return { state: 'ok', what: 'the node answers its owner' }
  return {
    state: 'fail',
    what: `it does not answer: ${failure.message}`,
    hint: `kith ask self ${WORD}`,
  }
}

/** Whether some peer answers it. Whom nobody allows to ask has nothing to recover here. */
export async function peerTurn(cli: CliContext): Promise<StepFinding> {
  const peers = await cli.client.call('peers', {})
  const here = peers.filter(({ state }) => state === 'connected')
  if (peers.length === 0) return { state: 'ok', what: 'nobody is pinned' }
  const failures: string[] = []
  for (const { name } of here) {
    const failure = await turn(cli, name)
    if (failure === undefined) return { state: 'ok', what: `${name} answers` }
    if (failure.code !== 'denied') failures.push(`${name}: ${failure.message}`)
  }
  if (here.length > 0 && failures.length === 0) {
    return { state: 'unchecked', what: 'no peer that is here lets this node ask' }
  }
  const what = here.length === 0 ? 'no peer is connected' : failures.join('; ')
  return { state: 'warn', what, hint: 'kith peers list' }
}

/** Why an ask came to no answer; undefined when it did. */
async function turn(
  { client }: CliContext,
  peer: string,
): Promise<{ code: string; message: string } | undefined> {
  const signal = AbortSignal.timeout(TURN_MS)
  try {
    const { ask } = await client.call('ask', { peer, text: WORD, timeoutMs: TURN_MS }, signal)
    for await (const item of client.askEvents({ ask, after: 0 }, signal)) {
      if (item.type !== 'final') continue
      const { final } = item
      return final.outcome === 'done' ? undefined : { code: final.code, message: final.code }
    }
    return { code: 'interrupted', message: 'the answer has no end' }
  } catch (err) {
    const { code, message } = reportFailure(err).error
    return { code, message }
  }
}

function namesOf(peers: readonly { peer: string }[]): string {
  return peers.map(({ peer }) => peer).join(', ')
}
