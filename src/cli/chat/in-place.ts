import type { AskStreamItem, Input } from '../../node/control/api.ts'
import { bodyOf } from '../ask-steps.ts'
import { ONCE_ONLY } from '../commands/approvals/answer.ts'
import type { CliContext } from '../context.ts'
import { tellFailure } from '../tell-failure.ts'
import { note } from '../terminal.ts'
import type { Lines } from './lines.ts'

const QUESTION = 'run it? y once, s in this session, a always, n no: '

const ANSWERS: Readonly<Record<string, Input<'answerApproval'>['answer']>> = {
  y: 'once',
  s: 'session',
  a: 'always',
  n: 'deny',
}

/** Passes `items` on, and asks a person about each approval among them, until it has an answer from anywhere. */
export async function* approvedInPlace(
  cli: CliContext,
  answer: NonNullable<Lines['answer']>,
  items: AsyncIterable<AskStreamItem>,
): AsyncGenerator<AskStreamItem> {
  let settled = new AbortController()
  let asked = Promise.resolve()
  try {
    for await (const item of items) {
      const body = item.type === 'event' ? bodyOf(item) : undefined
      if (body === undefined || body.kind === 'approval') {
        settled.abort()
        await asked
      }
      // Before the question, it is shown what would be done.
      yield item
      if (body?.kind === 'approval' && body.state === 'waiting') {
        settled = new AbortController()
        asked = decide(cli, answer, body.approval, settled.signal)
      }
    }
  } finally {
    settled.abort()
    await asked
  }
}

/** Asks until there is an answer, and hands it on. Whoever leaves the question has not answered it. */
async function decide(
  cli: CliContext,
  answer: NonNullable<Lines['answer']>,
  approval: string,
  settled: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      const said = await answer(QUESTION, settled)
      if (said === undefined) {
        note(cli, 'it still waits: kith approvals')
        return
      }
      const known = ANSWERS[said.trim().toLowerCase()]
      if (known === undefined) continue
      const input = { approval, answer: known }
      const { onceOnly } = await cli.client.call('answerApproval', input, settled)
      if (onceOnly === true) note(cli, ONCE_ONLY)
      return
    }
  } catch (err) {
    // Somebody else was faster, its time is up, or its ask has ended.
    if (!settled.aborted) tellFailure(cli, err, { json: false })
  }
}
