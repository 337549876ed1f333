import { forkPoint } from '../../keys/fork-point.ts'
import { readOwnLog } from '../../keys/own-log.ts'
import { checkRecoveryWords } from '../../keys/recover.ts'
import { exportRotationKey, forgetRotationKey } from '../../keys/rotation-key.ts'
import type { KEY_ROUTES } from '../routes/keys.ts'
import type { HandlersOf } from '../routes/route.ts'

type HomeKeyRoutes = Pick<
  typeof KEY_ROUTES,
  'checkRecovery' | 'exportRotationKey' | 'forgetRotationKey'
>

/** What needs the files of a home and no more, whether its node runs or not. */
export function homeKeyHandlers(home: string): HandlersOf<HomeKeyRoutes> {
  return {
    checkRecovery: async ({ words }) => {
      const { events } = await readOwnLog(home)
      return await checkRecoveryWords(home, words, forkPoint(events, Date.now()))
    },
    exportRotationKey: async ({ passphrase }) => ({
      words: await exportRotationKey(home, passphrase),
    }),
    forgetRotationKey: async ({ words }) => {
      await forgetRotationKey(home, words)
      return {}
    },
  }
}
