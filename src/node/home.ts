import { createHash } from 'node:crypto'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A unix socket's path has at most 107 bytes (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107

/** What a profile is called that has no name. */
export const DEFAULT_PROFILE = 'default'

/** Where a profile's things are. */
export interface Home {
  path: string
  config: string
  peers: string
  jobs: string
  store: string
  workspace: string
  memory: string
  logs: string
  socket: string
}

/** The home of a profile: `KITH_HOME`, or `~/.kith`; all but the default one are below it. */
export function homeOf(env: NodeJS.ProcessEnv, profile: string | undefined): Home {
  const base = baseOf(env)
  const isNamed = profile !== undefined && profile !== DEFAULT_PROFILE
  const path = isNamed ? join(base, 'profiles', profile) : base
  return {
    path,
    config: join(path, 'config.yaml'),
    peers: join(path, 'peers.yaml'),
    jobs: join(path, 'jobs.yaml'),
    store: join(path, 'store'),
    workspace: join(path, 'workspace'),
    memory: join(path, 'MEMORY.md'),
    logs: join(path, 'logs'),
    socket: socketIn(path, 'control'),
  }
}

/** The home of the default profile, which those of all others are in. */
export function baseOf(env: NodeJS.ProcessEnv): string {
  return resolve(env['KITH_HOME'] ?? join(homedir(), '.kith'))
}

/** In the home itself; of a home whose path is too long for a socket, in a private folder among the temporary ones. */
export function socketIn(home: string, name: 'control' | 'daemon'): string {
  const path = join(home, `${name}.sock`)
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 16)
  const file = name === 'control' ? `${hash}.sock` : `${hash}-${name}.sock`
  return join(tmpdir(), `kith-${process.getuid?.() ?? 0}`, file)
}
