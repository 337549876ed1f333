import { KithError } from '../../../protocol/errors.ts'
import type { DAEMON_ROUTES, DaemonReport } from '../routes/daemon.ts'
import type { HandlersOf } from '../routes/route.ts'

/** A daemon, as those see it whom it serves. */
export interface DaemonView {
  report: () => DaemonReport
  reload: () => Promise<void>
  /** Begins to stop, and returns at once. */
  stop: () => void
}

/** Those of a process that is a daemon; of any other, all of them say that there is none. */
export function daemonHandlers(
  view: DaemonView | undefined,
  home: string,
): HandlersOf<typeof DAEMON_ROUTES> {
  const daemon = (): DaemonView => {
    if (view !== undefined) return view
    const hint = { hint: 'kith daemon start' }
    throw new KithError('daemon-not-running', `no daemon serves ${home}`, { home }, hint)
  }
  return {
    daemon: async () => daemon().report(),
    reloadDaemon: async () => {
      await daemon().reload()
      return daemon().report()
    },
    stopDaemon: async () => {
      daemon().stop()
      return {}
    },
  }
}
