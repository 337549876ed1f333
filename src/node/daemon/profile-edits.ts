import { mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure, KithError } from '../../protocol/errors.ts'
import { readConfig } from '../config.ts'
import type { DaemonReport, ProfileDescription } from '../control/api.ts'
import { ControlClient } from '../control/client.ts'
import { DEFAULT_PROFILE, homeOf } from '../home.ts'
import type { Home } from '../home.ts'
import { readIdentity } from '../identity.ts'
import { daemonReport } from './manage.ts'
import { PROFILE_NAME, profilesFolder, profilesOf } from './profiles.ts'
import type { Profile } from './profiles.ts'

/** The first port that a named profile listens on; the default one has the one below. */
const FIRST_PORT = 7_430
const LAST_PORT = 7_999

/** A running node answers within this, in ms. */
const ANSWER_MS = 2_000

/** Every profile of this home, the default one first. */
export async function describeProfiles(env: NodeJS.ProcessEnv): Promise<ProfileDescription[]> {
  const daemon = await daemonOf(env)
  return await Promise.all((await profilesOf(env)).map((profile) => describe(profile, daemon)))
}

/** @throws {KithError} `usage` for a name that there is none of */
export async function describeProfile(
  env: NodeJS.ProcessEnv,
  name: string,
): Promise<ProfileDescription> {
  const profile = (await profilesOf(env)).find((one) => one.name === name)
  if (profile === undefined) throw unknownProfile(name)
  return await describe(profile, await daemonOf(env))
}

/**
 * The home for a new profile, and where it can listen without being in the way of another.
 *
 * @throws {KithError} `usage` for a name that it cannot have; `exists`
 */
export async function planProfile(
  env: NodeJS.ProcessEnv,
  name: string,
): Promise<{ home: Home; listen: string[] }> {
  if (!PROFILE_NAME.test(name) || name === DEFAULT_PROFILE) {
    const what = 'a profile is 1 to 64 of a-z, 0-9 and -, begins with no -, and is not "default"'
    throw new KithError('usage', `${JSON.stringify(name)}: ${what}`, { what })
  }
  const all = await describeProfiles(env)
  if (all.some((one) => one.name === name)) {
    throw new KithError('exists', `there is a profile ${name} already`, { what: name })
  }
  const taken = new Set(all.flatMap(({ listen }) => listen.flatMap(portOf)))
  let port = FIRST_PORT
  while (taken.has(port) && port < LAST_PORT) port++
  return {
    home: homeOf(env, name),
    listen: [`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::/tcp/${port}`],
  }
}

/**
 * Moves the home of a profile into `removed-profiles`, from where it can be moved back. Gives where it is.
 *
 * @throws {KithError} `usage` for a name that there is none of, and for the default one; `locked` while it runs
 */
export async function removeProfile(
  env: NodeJS.ProcessEnv,
  name: string,
  now: number,
): Promise<string> {
  if (name === DEFAULT_PROFILE) {
    const what = 'the default profile is the home itself: move that away by hand'
    throw new KithError('usage', what, { what })
  }
  const { home, running } = await describeProfile(env, name)
  if (running) {
    const hint = { hint: `kith -p ${name} stop` }
    throw new KithError('locked', `${name} is running`, { home }, hint)
  }
  const folder = join(profilesFolder(env), '..', 'removed-profiles')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const stamp = new Date(now).toISOString().slice(0, 19).replaceAll(':', '')
  const taken = new Set(await readdir(folder))
  let to = `${name}-${stamp}`
  while (taken.has(to)) to += '-again'
  await rename(home, join(folder, to))
  return join(folder, to)
}

/** One that is stuck says nothing of its profiles. */
async function daemonOf(env: NodeJS.ProcessEnv): Promise<DaemonReport | undefined> {
  return await daemonReport({ env }).catch(() => undefined)
}

async function describe(
  { home, name }: Profile,
  daemon: DaemonReport | undefined,
): Promise<ProfileDescription> {
  const { failure, state } = daemon?.profiles.find((one) => one.name === name) ?? {}
  // While it is tried again, it is still one that has failed.
  const failed = state === 'failed' || state === 'starting'
  const plain = {
    ...{ name, home: home.path, running: await runs(home) },
    ...(failed && failure !== undefined ? { failure } : {}),
  }
  try {
    const { id } = await readIdentity(home.path)
    const { listen, name: node } = await readConfig(home.config, {})
    return { ...plain, id, listen, ...(node === undefined ? {} : { node }) }
  } catch (err) {
    if (!isFailure(err)) throw err
    return { ...plain, listen: [], problem: err.message }
  }
}

/** A socket that does not answer in time is one of a node that runs, and is busy. */
async function runs({ path, socket }: Home): Promise<boolean> {
  const client = new ControlClient({ socket, home: path })
  try {
    await client.call('status', {}, AbortSignal.timeout(ANSWER_MS))
    return true
  } catch (err) {
    return !isFailure(err, 'daemon-not-running')
  }
}

function portOf(address: string): number[] {
  const port = /\/tcp\/(\d+)/.exec(address)?.[1]
  return port === undefined ? [] : [Number(port)]
}

function unknownProfile(name: string): KithError<'usage'> {
  const hint = { hint: 'kith profile list' }
  return new KithError('usage', `there is no profile ${name}`, { what: name }, hint)
}
