import { readFileSync } from 'node:fs'

/** True while a process runs. One that has ended and whose parent has not looked yet, a zombie, does not run. */
export function runs(pid: number): boolean {
  try {
    // `pid (name) state …` (proc(5)), where the name may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !/^[ZX]/u.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
