import type { AskStreamItem } from '../node/control/api.ts'
import { backoffMs } from '../protocol/backoff.ts'
import { isFailure, KithError } from '../protocol/errors.ts'
import type { CliContext } from './context.ts'
import { isHangUp } from './failure.ts'
import { note } from './terminal.ts'

/** A node that restarts is back well before this, in ms. */
const GIVE_UP_MS = 30_000

/** Waits before the stream is asked for again. */
const RETRY = { baseMs: 100, maxMs: 3_000 }

/**
 * What an ask gives after the event `after`, through its final. When the node goes away meanwhile, the rest is
 * fetched by number as soon as it is back.
 *
 * @throws {KithError} `daemon-not-running` when it is not back in time
 * @throws the signal's reason
 */
export async function* followAsk(
  cli: Pick<CliContext, 'client' | 'home' | 'sleep' | 'stderr'>,
  ask: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<AskStreamItem> {
  let lastSeq = after
  let failures = 0
  let waitedMs = 0
  for (;;) {
    try {
      for await (const item of cli.client.askEvents({ ask, after: lastSeq }, signal)) {
        failures = 0
        waitedMs = 0
        if (item.type === 'event') lastSeq = item.seq
        yield item
        if (item.type === 'final') return
      }
    } catch (err) {
      signal.throwIfAborted()
      if (!isAway(err)) throw err
    }
    if (waitedMs >= GIVE_UP_MS) throw gone(cli.home.path, ask, lastSeq)
    failures++
    if (failures === 2) note(cli, 'the node went away; waiting for it to come back')
    const waitMs = backoffMs(failures, Math.random(), RETRY)
    waitedMs += waitMs
    await cli.sleep(waitMs, signal)
  }
}

/** True when the node stops, is gone, or went away in mid-answer: then it may come back. */
function isAway(err: unknown): boolean {
  if (isFailure(err)) return err.code === 'daemon-not-running' || err.code === 'stopping'
  return isHangUp(err)
}

function gone(home: string, ask: string, after: number): KithError<'daemon-not-running'> {
  return new KithError(
    'daemon-not-running',
    `the node went away while it answered ${ask}, and has not come back`,
    { home },
    { hint: `kith asks attach ${ask} --after ${after}` },
  )
}
