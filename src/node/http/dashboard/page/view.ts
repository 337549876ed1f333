import type { Actions } from './actions.ts'
import type { AskReader } from './ask-reader.ts'
import type { Live, Loaded, SourceName, Sources } from './live.ts'

/** What a section is rendered from. */
export interface View {
  readonly live: Live
  readonly reader: AskReader
  readonly actions: Actions
  /** Ms since the epoch. */
  readonly now: number
  /** Approvals may be answered: what is there has been there long enough to be read. */
  readonly settled: boolean
  /** What a person has unfolded: long lists and forms, by a name of each. */
  readonly unfolded: Set<string>
  /** Renders again, after something of this page has changed. */
  readonly changed: () => void
}

/** The last answer of a source, where there is one. */
export function valueOf<S extends SourceName>({ live }: View, name: S): Sources[S] | undefined {
  const loaded: Loaded<Sources[S]> | undefined = live.loaded[name]
  return loaded?.value
}

/** Why a source has no answer. */
export function problemOf({ live }: View, name: SourceName): Loaded<unknown>['problem'] {
  return live.loaded[name]?.problem
}
