import type { Writable } from 'node:stream'
import { DEFAULT_PROFILE, baseOf, homeOf, socketIn } from '../home.ts'
import type { DaemonReport } from '../control/routes/daemon.ts'
import { daemonHandlers } from '../control/handlers/daemon.ts'
import { ControlServer } from '../control/server.ts'
import { createLog } from '../log.ts'
import { onProcessEvents } from '../process-events.ts'
import { FORCE_AFTER_MS } from '../running-node.ts'
import { Daemon } from './daemon.ts'
import { takeDaemonRecord } from './daemon-record.ts'
import { passphraseFor } from './passphrases.ts'
import { profilesOf } from './profiles.ts'
import { ServiceLogs } from './service-log.ts'
import { ownSupervisor } from './supervisor-of.ts'

export interface ServeInit {
  env: NodeJS.ProcessEnv
  /** By profile; these are over all others. */
  passphrases: ReadonlyMap<string, string>
  /** Where the log goes, beside the file of each profile. */
  stdout: Writable
  onReady: (report: DaemonReport) => void
}

/**
 * Serves every profile of the home that `env` names until it is told to stop, by a signal or its socket. Resolves once
 * everything is closed.
 *
 * @throws {KithError} `locked` while another daemon serves this home
 */
export async function serveProfiles(init: ServeInit): Promise<void> {
  const { env, passphrases, stdout } = init
  const begun = performance.now() - process.uptime() * 1_000
  const base = baseOf(env)
  const { record, release } = await takeDaemonRecord(base, Date.now())
  const logs = new ServiceLogs(stdout)
  const log = createLog('info', logs.of({ name: DEFAULT_PROFILE, home: homeOf(env, undefined) }))
  const { promise: told, resolve: tell } = Promise.withResolvers<string>()
  const daemon = new Daemon({
    record,
    supervision: ownSupervisor(env),
    profiles: async () => await profilesOf(env),
    init: async (profile) => ({
      home: profile.home,
      env: settingsFor(env, profile.name),
      flags: {},
      passphrase: passphrases.get(profile.name) ?? (await passphraseFor(env, profile.name)),
      stdout: logs.of(profile),
    }),
    stop: () => {
      tell('control')
    },
    log,
  })
  const handlers = daemonHandlers(daemon, base)
  const control = new ControlServer({ handlers, log }, { socket: socketIn(base, 'daemon') })
  const unlisten = onProcessEvents(tell, (err) => {
    // Nothing is known of the state we are in: what is on disk is right, and the next start goes on from there.
    log.error({ err }, 'uncaught error, exiting')
    process.exit(1)
  })
  try {
    await control.start()
    await daemon.start(begun)
    const report = daemon.report()
    const running = report.profiles.filter(({ state }) => state === 'running').length
    log.info({ pid: record.pid, running, of: report.profiles.length }, 'daemon is ready')
    init.onReady(report)
    log.info({ by: await told }, 'daemon stops')
  } finally {
    const force = setTimeout(() => {
      log.error('could not stop in time, exiting')
      process.exit(1)
    }, daemon.drainMs + FORCE_AFTER_MS)
    await daemon.close()
    await control.stop()
    await release()
    clearTimeout(force)
    unlisten()
    logs.close()
  }
}

/** What the environment says is for all; a profile's own name, address and listener are its file's alone. */
function settingsFor(env: NodeJS.ProcessEnv, profile: string): NodeJS.ProcessEnv {
  if (profile === DEFAULT_PROFILE) return env
  const own = new Set(['KITH_NAME', 'KITH_LISTEN', 'KITH_ANNOUNCE', 'KITH_HTTP_LISTEN'])
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name)))
}
