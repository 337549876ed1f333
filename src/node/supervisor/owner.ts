import { AsyncLocalStorage } from 'node:async_hooks'

/** Who is told of an error that nobody has caught. */
export interface Owner {
  fail: (err: unknown) => void
}

const owners = new AsyncLocalStorage<Owner | undefined>()

/** Runs `work` so that whatever it starts (timers, promises, files, programs) is of this owner. */
export function ownedBy<T>(owner: Owner, work: () => T): T {
  return owners.run(owner, work)
}

/**
 * Whose an uncaught error is, asked where the process hears of it. Node keeps the async context for rejections and
 * for what timers, files and programs call; not for a socket that somebody else has opened, nor a bare microtask:
 * what those throw is nobody's.
 */
export function ownerOfUncaught(): Owner | undefined {
  return owners.getStore()
}

/**
 * Runs work as that of who runs now, whoever calls the returned function later: what starts something for others
 * takes this when it starts itself.
 */
export function hereLater(): <T>(work: () => T) => T {
  const owner = owners.getStore()
  return (work) => owners.run(owner, work)
}
