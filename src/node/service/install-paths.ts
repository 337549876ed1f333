import { homedir } from 'node:os'
import { join } from 'node:path'

/** Which service manager a unit is for, and whose. */
export const SERVICE_KINDS = ['user', 'system', 'launchd'] as const
export type ServiceKind = (typeof SERVICE_KINDS)[number]

export const UNIT_NAME = 'kith.service'
export const LAUNCHD_LABEL = 'net.kith.daemon'

/**
 * Where the unit of this kind goes: systemd.unit(5) names both folders, launchd.plist(5) the third. `root` is before
 * the one of the system: `/` but in a test or an image.
 */
export function unitPath(kind: ServiceKind, env: NodeJS.ProcessEnv, root = '/'): string {
  const home = env['HOME'] ?? homedir()
  switch (kind) {
    case 'user':
      return join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'systemd/user', UNIT_NAME)
    case 'system':
      return join(root, 'etc/systemd/system', UNIT_NAME)
    case 'launchd':
      return join(home, 'Library/LaunchAgents', `${LAUNCHD_LABEL}.plist`)
  }
}
