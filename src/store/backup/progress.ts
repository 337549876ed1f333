/** How far the work on a backup is, in bytes of what is in it. */
export interface BackupProgress {
  doneBytes: number
  totalBytes: number
}

export type OnProgress = (progress: BackupProgress) => void

/** `source`, each piece told of as it passes. Ends with the reason of `signal` when that aborts. */
export async function* counted(
  source: AsyncIterable<Uint8Array>,
  totalBytes: number,
  onProgress: OnProgress | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0
  for await (const piece of source) {
    signal?.throwIfAborted()
    doneBytes = Math.min(totalBytes, doneBytes + piece.byteLength)
    onProgress?.({ doneBytes, totalBytes })
    yield piece
  }
}
