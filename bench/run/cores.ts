import { spawnSync } from 'node:child_process'

/** Which end of a call a process is. Its broker, if there is one, stays beside the server. */
export type Side = 'client' | 'server'

/**
 * The words before a command that keep it on a core of its side's own; none where that cannot be.
 *
 * Left to the scheduler, two processes that wait for each other run now on one core, now on two,
 * and a round trip over TCP takes 0.02 or 0.08 ms accordingly: within one run, at random.
 */
export function onOwnCore(side: Side): string[] {
  const [clientCore, serverCore] = allowedCores()
  if (clientCore === undefined || serverCore === undefined) return []
  return ['taskset', '-c', String(side === 'client' ? clientCore : serverCore)]
}

/** The cores this process may run on, as `taskset(1)` tells them; none where there is no such command. */
function allowedCores(): number[] {
  const { stdout, status } = spawnSync('taskset', ['-cp', String(process.pid)], {
    encoding: 'utf8',
  })
  const list = status === 0 ? /: ([\d,-]+)\s*$/.exec(stdout)?.[1] : undefined
  return (list?.split(',') ?? []).flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, n) => first + n)
  })
}
