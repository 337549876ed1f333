import { onProcessEvents } from '../../src/node/process-events.ts'

const EVENTS = ['uncaughtException', 'unhandledRejection'] as const

/**
 * Lets errors that nobody catches go where they would in a node's own process, for each test of the suite. Call it in
 * `describe`, its result in tests: those that are nobody's.
 */
export function uncaughtErrors(): () => readonly unknown[] {
  const strays: unknown[] = []
  let restore: () => void
  beforeEach(() => {
    strays.length = 0
    const runner = EVENTS.map((event) => [event, process.listeners(event as never)] as const)
    for (const event of EVENTS) process.removeAllListeners(event)
    const unlisten = onProcessEvents(
      () => undefined,
      (err) => strays.push(err),
    )
    restore = () => {
      unlisten()
      for (const [event, listeners] of runner) {
        for (const listener of listeners) process.on(event as never, listener)
      }
    }
  })
  afterEach(() => {
    restore()
  })
  return () => strays
}
