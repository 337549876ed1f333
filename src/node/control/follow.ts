/** What is kept and told of as it comes: each item has an id that is higher than that of every one before. */
export interface News<T extends { id: string }> {
  /** Those that are to be told, the oldest first. */
  list: () => readonly T[]
  /** Calls `listener` when there is one more, until the returned function is called. */
  listen: (listener: () => void) => () => void
}

/** Items with an id after `after`, as they come. Keeps none back for a slow reader: the list has them. */
export async function* follow<T extends { id: string }>(
  { list, listen }: News<T>,
  after: string,
  signal: AbortSignal,
): AsyncGenerator<T> {
  let last = after
  let wake = (): void => undefined
  const onNews = (): void => {
    wake()
  }
  const unlisten = listen(onNews)
  signal.addEventListener('abort', onNews)
  try {
    while (!signal.aborted) {
      const next = list().find(({ id }) => id > last)
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      } else {
        last = next.id
        yield next
      }
    }
  } finally {
    unlisten()
    signal.removeEventListener('abort', onNews)
  }
}
