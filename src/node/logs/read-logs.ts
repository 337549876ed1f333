import { KithError } from '../../protocol/errors.ts'
import { profilesOf } from '../daemon/profiles.ts'
import type { Home } from '../home.ts'
import { followLogs } from './follow-logs.ts'
import { LOG_SOURCES } from './log-files.ts'
import type { LogSource } from './log-files.ts'
import type { LogLine } from './log-line.ts'
import { recentLines } from './recent-lines.ts'
import type { LogPlace } from './recent-lines.ts'

/** The logs of a home, or of all profiles beside it; all of them where no source is named. @throws {KithError} `usage` */
export async function logPlaces(init: {
  env: NodeJS.ProcessEnv
  home: Home
  sources: readonly string[]
  allProfiles: boolean
}): Promise<LogPlace[]> {
  const all = Object.keys(LOG_SOURCES) as LogSource[]
  const sources = init.sources.length === 0 ? all : init.sources.map(sourceNamed)
  if (!init.allProfiles) return sources.map((source) => ({ folder: init.home.logs, source }))
  const profiles = await profilesOf(init.env)
  return profiles.flatMap(({ home, name }) =>
    sources.map((source) => ({ folder: home.logs, source, profile: name })),
  )
}

/** The last lines of these logs by time, then, until `follow` aborts, each group of lines that comes. */
export async function* readLogs(
  places: readonly LogPlace[],
  options: { count: number; since?: number },
  follow: AbortSignal | undefined,
): AsyncGenerator<LogLine[]> {
  const { lines, positions } = await recentLines(places, options)
  yield lines
  if (follow !== undefined) yield* followLogs(positions, follow)
}

function sourceNamed(name: string): LogSource {
  if (Object.hasOwn(LOG_SOURCES, name)) return name as LogSource
  const what = `${JSON.stringify(name)} is none of ${Object.keys(LOG_SOURCES).join(', ')}`
  throw new KithError('usage', what, { what })
}
