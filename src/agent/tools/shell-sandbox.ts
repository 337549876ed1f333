import { lstatSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isFailure } from '../../protocol/errors.ts'
import { startChild } from '../child.ts'

/** `required` and `auto` run a shell in a sandbox or not at all; `off` runs programs, and no shell, without one. */
export type SandboxMode = 'required' | 'auto' | 'off'

/** How a node runs commands. */
export interface ShellStanding {
  offered: boolean
  sandboxed: boolean
  /** False for a bubblewrap or a system that cannot bound what a sandbox uses. Without a sandbox, it says nothing. */
  bounded: boolean
  /** For a check of the node: false if the owner asked for more than there is. */
  ok: boolean
  text: string
}

/** Most that /tmp and /dev/shm of a sandbox hold, in bytes each: they are memory. */
const TMP_BYTES = 268_435_456

/** Most memory of one program in a sandbox, in bytes, and most programs and threads at once (setrlimit(2)). */
const DATA_BYTES = 2_147_483_648
const MAX_PROCESSES = 512

/** Where the workspace is in a sandbox. */
const INSIDE = '/workspace'

const PROBE_TIMEOUT_MS = 5_000

/** Folders of the system that are links into /usr on many systems, and folders of their own on others. */
const SYSTEM_FOLDERS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64']

/** What programs need of /etc to be found and to tell the time. Nothing that names users, hosts or services. */
const SYSTEM_FILES = [
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
]

/**
 * Whoever may write files can make the workspace a repository without a `.git`, whose settings name programs to run:
 * none is taken for one (git-config(1), safe.bareRepository; Git 2.38).
 */
const GIT_SETTINGS: readonly (readonly [name: string, value: string])[] = [
  ['GIT_OPTIONAL_LOCKS', '0'],
  ['GIT_CONFIG_COUNT', '2'],
  ['GIT_CONFIG_KEY_0', 'safe.bareRepository'],
  ['GIT_CONFIG_VALUE_0', 'explicit'],
  ['GIT_CONFIG_KEY_1', 'core.fsmonitor'],
  ['GIT_CONFIG_VALUE_1', 'false'],
]

/** Folders in memory that can be written, and no others: that of `--dev` takes as much as there is. */
const BOUNDED_FOLDERS = [
  ...['/tmp', '/dev/shm'].flatMap((path) => ['--size', String(TMP_BYTES), '--tmpfs', path]),
  ...['--remount-ro', '/dev'],
]

/** Private memory that can be written is what counts: V8 and its like reserve far more addresses than they use. */
const LIMITS = ['prlimit', `--data=${DATA_BYTES}`, `--nproc=${MAX_PROCESSES}`, '--core=0', '--']

/** How this node runs commands: a sandbox counts when a program ran in it. */
export async function shellStanding(mode: SandboxMode): Promise<ShellStanding> {
  if (mode === 'off') {
    const text =
      'commands run without a sandbox, as the owner has it: one program each, and no shell'
    return { offered: true, sandboxed: false, bounded: false, ok: true, text }
  }
  const standing = { offered: true, sandboxed: true, ok: true }
  if ((await sandboxProblem(true)) === undefined) {
    return { ...standing, bounded: true, text: 'commands run in a bubblewrap sandbox' }
  }
  const problem = await sandboxProblem(false)
  if (problem === undefined) {
    const text =
      'commands run in a bubblewrap sandbox, which bounds neither their memory nor their number'
    return { ...standing, bounded: false, text }
  }
  // Not without one for `auto` either: that would be the owner's word to say, and `off` is how to say it.
  const text = `commands are not run: ${problem}; "sandbox: off" would run them without one`
  return { offered: false, sandboxed: false, bounded: false, ok: mode === 'auto', text }
}

/**
 * `argv` as it is run in a sandbox: the workspace can be written, the system read, and there is neither a home nor a
 * network, nor any process but its own. It ends with us. A bounded one makes no sandbox within, writes nowhere else,
 * and has so much memory and so many processes; the latter bound does not hold for root.
 */
export function sandboxed(
  argv: readonly string[],
  { bounded, workspace }: { bounded: boolean; workspace: string },
): readonly [program: string, ...rest: string[]] {
  return [
    'bwrap',
    ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    // By itself, `--unshare-all` goes on where there can be no user namespace.
    ...(bounded ? ['--unshare-user', '--disable-userns'] : []),
    ...['--hostname', 'kith', '--clearenv'],
    ...['--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin', '--setenv', 'HOME', '/tmp'],
    ...['--setenv', 'LANG', 'C.UTF-8'],
    ...GIT_SETTINGS.flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--ro-bind', '/usr', '/usr', ...SYSTEM_FOLDERS.flatMap(systemFolder)],
    ...SYSTEM_FILES.flatMap((path) => ['--ro-bind-try', path, path]),
    ...['--proc', '/proc', '--dev', '/dev', ...(bounded ? BOUNDED_FOLDERS : ['--tmpfs', '/tmp'])],
    ...['--bind', workspace, INSIDE, ...(bounded ? ['--remount-ro', '/'] : [])],
    ...['--chdir', INSIDE, '--', ...(bounded ? LIMITS : []), ...argv],
  ]
}

/** Why no sandbox can be used, or undefined. */
async function sandboxProblem(bounded: boolean): Promise<string | undefined> {
  try {
    // With a second process: limits that count those of others too would leave it none.
    const argv = sandboxed(['sh', '-c', 'true & wait'], { bounded, workspace: tmpdir() })
    const init = { argv, cwd: '/', env: searchPath() }
    const child = await startChild(init, AbortSignal.timeout(PROBE_TIMEOUT_MS))
    child.stdin.end()
    child.stdout.resume()
    const { exitCode } = await child.ended
    return exitCode === 0 ? undefined : 'bubblewrap is there, but this system does not let it work'
  } catch (err) {
    if (isFailure(err, 'program-failed')) return 'there is no bubblewrap (bwrap) to run them in'
    throw err
  }
}

/** All that bubblewrap itself gets to know of our variables. */
export function searchPath(): Record<string, string> {
  const { PATH } = process.env
  return PATH === undefined ? {} : { PATH }
}

function systemFolder(path: string): string[] {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return []
  return stats.isSymbolicLink()
    ? ['--symlink', readlinkSync(path), path]
    : ['--ro-bind', path, path]
}
