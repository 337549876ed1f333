/** Answers this process's parent, or exits when there is none. */
export function tellParent(message: { value: unknown } | { error: string }): void {
  if (process.send === undefined) throw new TypeError('forked by a benchmark, not run by hand')
  process.send(message)
}

/** `err` with its stack, as it goes to a parent that prints it. */
export function describeError(err: unknown): string {
  return err instanceof Error ? (err.stack ?? err.message) : String(err)
}

/** Answers each message of this process's parent with what `handle` makes of it, until it hangs up. */
export function answerParent(handle: (message: unknown) => Promise<unknown>): void {
  process.on('message', (message) => {
    handle(message).then(
      (value) => {
        tellParent({ value })
      },
      (err: unknown) => {
        tellParent({ error: describeError(err) })
      },
    )
  })
  // A parent that is gone reads no figures: nothing here may outlive it.
  process.once('disconnect', () => process.exit())
}
