import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * What tells a process from a later one with the same id: when it began, as its system says it. Undefined when no
 * process has this id. Of `/proc/PID/stat` it is field 22, ticks since this boot (proc_pid_stat(5)); elsewhere what
 * ps(1) has.
 */
export function processMark(pid: number): string | undefined {
  if (process.platform === 'linux') {
    const stat = read(`/proc/${pid}/stat`)
    if (stat === undefined) return undefined
    // The name of its program, in parentheses, may have any characters.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // One that has ended and was not waited for runs no more.
    if (fields[0] === 'Z') return undefined
    const boot = read('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
    return `${boot}:${fields[19] ?? ''}`
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
