/** The first layout of a store; those before it were never published. */
const FIRST_FORMAT = 1

/** The rows of a store by the names of their sublevels, for a migration. */
export interface MigratedRows {
  entries: (sublevel: string) => AsyncIterable<[key: string, value: Uint8Array]>
  write: (changes: RowChange[]) => Promise<void>
}

/** What a row is to be; without a value, it goes. */
export interface RowChange {
  sublevel: string
  key: string
  value?: Uint8Array
}

/** One step of the layout of a store. It is taken in a copy, so that it may fail anywhere. */
export interface Migration {
  /** The version that it makes; the one before it is what it takes. */
  to: number
  /** What it changes, in words for its owner. */
  what: string
  run: (rows: MigratedRows) => Promise<void>
}

/** Every step that there has been, in order. A change of what is in the store adds one, and none is ever changed. */
export const MIGRATIONS: readonly Migration[] = []

/** The version of the layout that a kith with these steps works with. */
export function formatWanted(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.to ?? FIRST_FORMAT
}

/** The steps that lead a store of this version to the one that is wanted. */
export function pendingFrom(
  format: number,
  migrations: readonly Migration[] = MIGRATIONS,
): readonly Migration[] {
  return migrations.filter(({ to }) => to > format)
}
