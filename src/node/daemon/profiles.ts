import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../protocol/errors.ts'
import { errnoOf } from '../../store/atomic-file.ts'
import { DEFAULT_PROFILE, baseOf, homeOf } from '../home.ts'
import type { Home } from '../home.ts'
import { readIdentity } from '../identity.ts'

/** A name that a profile can have: also one of a folder. */
export const PROFILE_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/

export interface Profile {
  /** `default` for the one without a name. */
  name: string
  home: Home
}

/** Where all named profiles of this home are. */
export function profilesFolder(env: NodeJS.ProcessEnv): string {
  return join(baseOf(env), 'profiles')
}

/** The profiles of this home that have an identity, whatever state it is in: the default one first, then by name. */
export async function profilesOf(env: NodeJS.ProcessEnv): Promise<Profile[]> {
  const entries = await readdir(profilesFolder(env), { withFileTypes: true }).catch(
    (err: unknown) => {
      if (errnoOf(err) === 'ENOENT') return []
      throw err
    },
  )
  const names = entries
    .filter((entry) => entry.isDirectory() && PROFILE_NAME.test(entry.name))
    .map(({ name }) => name)
    // One of that name could not be told from the one without.
    .filter((name) => name !== DEFAULT_PROFILE)
    .sort()
  const all = [
    { name: DEFAULT_PROFILE, home: homeOf(env, undefined) },
    ...names.map((name) => ({ name, home: homeOf(env, name) })),
  ]
  const known = await Promise.all(all.map(async ({ home }) => await hasIdentity(home)))
  return all.filter((_, index) => known[index] === true)
}

async function hasIdentity({ path }: Home): Promise<boolean> {
  try {
    await readIdentity(path)
    return true
  } catch (err) {
    // One that cannot be read is told of when it is started, not left out.
    return !isFailure(err, 'no-identity')
  }
}
