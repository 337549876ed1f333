import { ownerOfUncaught } from './supervisor/owner.ts'

/**
 * Tells `stop` of the first signal, and exits on the second. An error that nobody has caught is for the part whose
 * it is, or else for `onUncaught`. Returns the function that takes the listeners away again.
 */
export function onProcessEvents(
  stop: (by: string) => void,
  onUncaught: (err: unknown) => void,
): () => void {
  let told = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (told) process.exit(130)
    told = true
    stop(signal)
  }
  const onError = (err: unknown): void => {
    const owner = ownerOfUncaught()
    if (owner === undefined) onUncaught(err)
    else owner.fail(err)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  process.on('uncaughtException', onError)
  process.on('unhandledRejection', onError)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
    process.off('uncaughtException', onError)
    process.off('unhandledRejection', onError)
  }
}
