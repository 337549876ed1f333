/** Where the lines of a conversation come from. */
export interface Lines {
  /** The next line; undefined when there is none any more. */
  next(): Promise<string | undefined>
  /**
   * What a person says to a question about the ask under way, undefined when they leave it. Nothing that was typed
   * before the question is taken for an answer. Absent where there is nobody to be asked.
   *
   * @throws the signal's reason
   */
  readonly answer?: (question: string, signal: AbortSignal) => Promise<string | undefined>
  /** Called at each Ctrl-C that is typed while no line is wanted. */
  onInterrupt: () => void
  /** Ends a `next` that waits. */
  close(): void
}
