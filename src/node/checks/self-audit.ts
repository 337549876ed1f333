import type { Pin } from '../../protocol/pin.ts'
import type { Config } from '../config.ts'
import type { Home } from '../home.ts'
import type { Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import { fileModeFindings } from './file-modes.ts'
import { attempt, fail, failed, ok } from './finding.ts'
import type { Finding } from './finding.ts'
import { keyFileFindings } from './key-file-check.ts'
import { identityFindings } from './own-checks.ts'

/** What the look at oneself needs. */
export interface SelfAudited {
  readonly config: Pick<Config, 'agent'>
  readonly home: Pick<Home, 'path'>
  readonly pins: Pick<Pins, 'peers' | 'problem'>
  readonly self: Pick<Self, 'events'>
}

/** What a node finds that would make it unfit to be trusted: names of checks, and nothing of what they say. */
export async function selfAudit(
  node: SelfAudited,
): Promise<{ state: 'green' | 'incident'; findings: string[] }> {
  const { home, pins } = node
  const looks: [name: string, run: () => Promise<Finding[]>][] = [
    ['identity', async () => await identityFindings(node)],
    ['key-files', async () => await keyFileFindings(home.path)],
    ['file-modes', async () => await fileModeFindings(home.path)],
    ['peers-file', async () => (pins.problem === undefined ? [] : [failed(pins.problem)])],
    ['grants', async () => grantFindings(node)],
  ]
  const found = await Promise.all(
    looks.map(async ([name, run]) => {
      const bad = (await attempt(run)).some(({ state }) => state !== 'ok')
      return bad ? [name] : []
    }),
  )
  const findings = found.flat()
  return { state: findings.length === 0 ? 'green' : 'incident', findings }
}

/** Peers that could do with this machine what they want: programs of the shell, without a sandbox, that nobody is asked about. */
function grantFindings({ config, pins }: Pick<SelfAudited, 'config' | 'pins'>): Finding[] {
  const { engine, shell, tools } = config.agent
  const isBare = engine === 'model' && shell.sandbox === 'off' && !tools.deny.includes('shell')
  const free = pins.peers().filter(({ pin }) => isBare && mayRun(pin))
  if (free.length === 0) return [ok('nobody else can run programs here without a sandbox')]
  return free.map(({ pin: { name } }) =>
    fail(`${name} can run any program on this machine`, `kith peers deny ${name} ask`),
  )
}

function mayRun({ allow, ask }: Pin): boolean {
  return allow.includes('ask') && ask.preset === 'full' && !ask.approve.includes('exec')
}
