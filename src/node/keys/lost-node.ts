import { readFile } from 'node:fs/promises'
import { KithError } from '../../protocol/errors.ts'
import { stateAtEnd, replayKeyLog, validateKeyLog } from '../../protocol/key-log.ts'
import type { Database } from '../../store/database.ts'
import { makePrivateFolder } from '../../store/atomic-file.ts'
import type { Input, Output } from '../control/api.ts'
import { callHandler } from '../control/call-handler.ts'
import { reportOwnKeys } from '../control/key-reports.ts'
import type { KEY_ROUTES, KeyReport, LostNodeRoute } from '../control/routes/keys.ts'
import type { HandlersOf } from '../control/routes/route.ts'
import type { Home } from '../home.ts'
import { assertRecoverable } from './empty-home.ts'
import { forkPoint } from './fork-point.ts'
import { parseKeyLogFile } from './own-log.ts'
import { checkRecoveryWords, commitRecovery, prepareRecovery } from './recover.ts'
import type { PreparedRecovery } from './recover.ts'
import { dropSuperseded } from './superseded.ts'

type LostNodeRoutes = Pick<typeof KEY_ROUTES, LostNodeRoute>

/**
 * A node whose home is gone, to be made anew in an empty one by its recovery words and its key log, such as a peer holds
 * it. Nothing that is in the home is replaced.
 */
export class LostNode {
  readonly #home: Home
  readonly #handlers: HandlersOf<LostNodeRoutes>
  #log: readonly Uint8Array[]
  #database: Database | undefined
  #recovery: PreparedRecovery | undefined

  /** @param log a valid one */
  constructor(home: Home, log: readonly Uint8Array[]) {
    this.#home = home
    this.#log = log
    this.#handlers = {
      key: async () => this.#report(),
      checkRecovery: async ({ words }) => {
        await assertRecoverable(home.path, log)
        return await checkRecoveryWords(home.path, words, forkPoint(log, Date.now()))
      },
      prepareRecovery: async (init) => {
        await assertRecoverable(home.path, log)
        await this.#hold()
        const at = Date.now()
        this.#recovery = await prepareRecovery(home.path, { ...init, log: forkPoint(log, at), at })
        const { recoveryWords, rotationWords } = this.#recovery
        return { recoveryWords, ...(rotationWords === undefined ? {} : { rotationWords }) }
      },
      commitRecovery: async () => {
        if (this.#recovery === undefined) throw new TypeError('no recovery is prepared')
        this.#log = (await commitRecovery(home.path, this.#recovery)).log
        await makePrivateFolder(home.workspace)
        await dropSuperseded(home.path, Date.now())
        return this.#report()
      },
    }
  }

  /**
   * The node with the key log in this file.
   *
   * @throws {KithError} `invalid-file` for what is no valid key log, or cannot be read
   */
  static async read(home: Home, path: string): Promise<LostNode> {
    try {
      const log = parseKeyLogFile(await readFile(path))
      validateKeyLog(log)
      return new LostNode(home, log)
    } catch (cause) {
      const hint = 'on a node that has pinned it: kith key log NAME --export FILE'
      throw new KithError('invalid-file', `${path} is no key log`, { path }, { cause, hint })
    }
  }

  /** As the route of this name. @throws {KithError} as that; `exists` when there is a node in the home, or its keys */
  async call<N extends LostNodeRoute>(name: N, input: Input<N>): Promise<Output<N>> {
    return await callHandler(this.#handlers, name, input)
  }

  /** Lets go of the store. */
  async close(): Promise<void> {
    await this.#database?.close()
    this.#database = undefined
  }

  #report(): KeyReport {
    const events = this.#log
    return {
      ...reportOwnKeys({
        events,
        state: stateAtEnd(replayKeyLog(events)),
        rotationKey: 'here',
        waiting: undefined,
        now: Date.now(),
      }),
      peers: [],
      requests: [],
    }
  }

  /** Nobody else makes a node here meanwhile. */
  async #hold(): Promise<void> {
    if (this.#database !== undefined) return
    await makePrivateFolder(this.#home.path)
    const { Database } = await import('../../store/database.ts')
    this.#database = await Database.open(this.#home.store)
  }
}
