import { readFileSync } from 'node:fs'

/** What has started this process and starts it again when it fails. */
export interface Supervision {
  supervisor: 'none' | 'systemd' | 'systemd-user' | 'launchd'
  /** What it calls this process. */
  unit?: string
}

/**
 * Who supervises the process `pid` with this environment and these control groups (`/proc/self/cgroup`). systemd
 * tells each program that it starts its own process id (systemd.exec(5), SYSTEMD_EXEC_PID): a shell hands that on
 * with a number that is not its child's, unlike INVOCATION_ID. launchd sets XPC_SERVICE_NAME, and is process 1.
 */
export function supervisorOf(
  env: NodeJS.ProcessEnv,
  { cgroup, pid, ppid }: { cgroup: string; pid: number; ppid: number },
): Supervision {
  if (env['SYSTEMD_EXEC_PID'] === String(pid)) {
    const unit = /([^/\n]+\.service)\s*$/m.exec(cgroup)?.[1]
    const supervisor = /\/user@\d+\.service\//.test(cgroup) ? 'systemd-user' : 'systemd'
    return { supervisor, ...(unit === undefined ? {} : { unit }) }
  }
  const label = env['XPC_SERVICE_NAME']
  if (label !== undefined && label !== '0' && ppid === 1)
    return { supervisor: 'launchd', unit: label }
  return { supervisor: 'none' }
}

/** That of this process. */
export function ownSupervisor(env: NodeJS.ProcessEnv): Supervision {
  const { pid, ppid } = process
  return supervisorOf(env, { cgroup: ownGroups(), pid, ppid })
}

function ownGroups(): string {
  try {
    return readFileSync('/proc/self/cgroup', 'utf8')
  } catch {
    return ''
  }
}
