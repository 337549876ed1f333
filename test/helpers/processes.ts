import { readFileSync } from 'node:fs'

/** Of a second: the kernel tells times in them, whatever its own clock (proc(5), USER_HZ). */
const TICKS = 100

/** True while a process runs. One that has ended and whose parent has not looked yet, a zombie, does not run. */
export function runs(pid: number): boolean {
  try {
    return !/^[ZX]/u.test(statOf(pid))
  } catch {
    return false
  }
}

/** How long a process has had a processor, in ms. What else runs on the machine does not count, as it does in time. */
export function cpuMs(pid: number): number {
  const [user, system] = statOf(pid).split(' ').slice(11, 13)
  return ((Number(user) + Number(system)) * 1_000) / TICKS
}

/** From its state on. */
function statOf(pid: number): string {
  // `pid (name) state …` (proc(5)), where the name may hold anything.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2)
}
