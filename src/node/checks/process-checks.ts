import { readFileSync } from 'node:fs'
import { buildOnDisk } from '../build-id.ts'
import type { ConfigWatch } from '../config-watch.ts'
import type { Parts } from '../parts.ts'
import { serviceStanding } from '../service/service.ts'
import { failed, minuteText, ok, fail, warn } from './finding.ts'
import type { Finding } from './finding.ts'

/** What the checks of the process look at: a `KithNode` is one. */
export interface ProcessChecked {
  readonly parts: Pick<Parts, 'states'>
  /** The build that runs; undefined where nobody has looked. */
  readonly build: string | undefined
  /** Follows config.yaml; undefined where nobody does. */
  readonly settings: Pick<ConfigWatch, 'pending' | 'problem'> | undefined
}

/** The least that a node may have of files and sockets: one for each peer, each caller, and the store. */
const MIN_OPEN_FILES = 8_192

const RESTART = 'kith daemon restart, or kith stop and kith start'

/** How each part stands that is supervised. */
export function partFindings({ parts }: ProcessChecked): Finding[] {
  const states = parts.states()
  const findings = states.flatMap(({ failure = '', nextTryAt, part, restarts, state }) => {
    const details = { part, restarts }
    if (state === 'failed') {
      const again = nextTryAt === undefined ? '' : `, started again at ${minuteText(nextTryAt)}`
      return [fail(`${part} has failed: ${failure}${again}`, 'kith logs', details)]
    }
    if (state !== 'running' || failure === '') return []
    return [warn(`${part} runs again, and had failed: ${failure}`, 'kith logs', details)]
  })
  return findings.length > 0 ? findings : [ok(`${states.length} parts run`)]
}

/** Whether what runs is what stands on the disk. `onDisk` is the build there. */
export function buildFindings(
  { build }: Pick<ProcessChecked, 'build'>,
  onDisk: () => string | undefined = buildOnDisk,
): Finding[] {
  const found = build === undefined ? undefined : onDisk()
  if (build === undefined || found === undefined) return [ok('which build runs is not known')]
  if (build === found) return [ok(`build ${build} runs, as it is on disk`)]
  return [warn(`build ${build} runs, and ${found} is on disk`, RESTART)]
}

/** Whether config.yaml is in force. */
export function settingFindings({ settings }: Pick<ProcessChecked, 'settings'>): Finding[] {
  if (settings?.problem !== undefined) return [failed(settings.problem)]
  const pending = settings?.pending ?? []
  if (pending.length === 0) return [ok('are in force as they are on disk')]
  return [warn(`changed, and taken at the next start: ${pending.join(', ')}`, RESTART)]
}

/** How many files and sockets this process may have at once; Node raises that to what it may ask for. */
export function openFileFindings(limits: string | undefined = ownLimits()): Finding[] {
  const line = /^Max open files +(\d+|unlimited)/m.exec(limits ?? '')?.[1]
  if (line === undefined) return [ok('how many there may be is not known here')]
  const most = line === 'unlimited' ? Infinity : Number(line)
  if (most >= MIN_OPEN_FILES) return [ok(`${line} may be open at once`)]
  const hint = `ulimit -Hn ${MIN_OPEN_FILES} before it starts, or kith service install`
  return [warn(`only ${line} may be open at once`, hint)]
}

/** Whether the node is there again after a boot. */
export async function serviceFindings(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const standing = await serviceStanding(env)
  if (standing === undefined) return [ok('none is installed: kith service install')]
  const { enabled, kind, path } = standing
  if (enabled === undefined) return [ok(`${path} is there; its manager does not answer`)]
  if (enabled) return [ok(`${path} is enabled`)]
  const command = kind === 'user' ? 'systemctl --user enable kith' : 'systemctl enable kith'
  return [warn(`${path} is not enabled: nothing starts at boot`, command)]
}

function ownLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return undefined
  }
}
