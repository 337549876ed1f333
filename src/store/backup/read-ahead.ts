/** `source`, whose next piece is on its way while somebody works on this one. */
export async function* readAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const pieces = source[Symbol.asyncIterator]()
  try {
    for (let next = pieces.next(); ;) {
      const piece = await next
      if (piece.done === true) return
      next = pieces.next()
      // It is looked at when its turn comes, and must not count as unheard until then.
      next.catch(() => undefined)
      yield piece.value
    }
  } finally {
    await pieces.return?.()
  }
}
