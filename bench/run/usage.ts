import { readFile } from 'node:fs/promises'

/** What a process has used since it began, and holds now. */
export interface Usage {
  cpuMicros: number
  rssBytes: number
}

/** Linux counts ticks of USER_HZ, which is 100 on every platform Node runs on: `proc(5)`. */
const TICK_MICROS = 10_000

/** What this process has used. */
export function ownUsage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() }
}

/** What process `pid` has used, to 10 ms; undefined where there is no `/proc`. */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  if (process.platform !== 'linux') return undefined
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ])
  // The command's name may hold spaces: the fields are counted from the bracket that closes it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  const rssKb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
  return { cpuMicros: ticks * TICK_MICROS, rssBytes: rssKb * 1024 }
}
