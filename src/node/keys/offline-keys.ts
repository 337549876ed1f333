import { KithError } from '../../protocol/errors.ts'
import type { RotationDraft } from '../../protocol/key-log-create.ts'
import {
  createRotationRequest,
  parseEndorsementText,
  requestText,
} from '../../protocol/rotation-request.ts'
import type { Database } from '../../store/database.ts'
import { readPeers } from '../../store/peers-file.ts'
import { readConfig } from '../config.ts'
import type { Input, Output } from '../control/api.ts'
import { callHandler } from '../control/call-handler.ts'
import { homeKeyHandlers } from '../control/handlers/home-keys.ts'
import { reportExport, reportOwnKeys, reportRotation } from '../control/key-reports.ts'
import type { KEY_ROUTES, KeyReport, OfflineKeyRoute } from '../control/routes/keys.ts'
import type { HandlersOf } from '../control/routes/route.ts'
import type { Home } from '../home.ts'
import { openKeyInUse } from '../identity.ts'
import { drill, openingOf } from './drill.ts'
import { forkPoint } from './fork-point.ts'
import { readOwnLog } from './own-log.ts'
import { commitRecovery, prepareRecovery } from './recover.ts'
import type { PreparedRecovery } from './recover.ts'
import { retire } from './retire.ts'
import { commitRotation, endorseHere, prepareRotation, preparedRotation } from './rotate.ts'
import { whereRotationKeyIs } from './rotation-key.ts'
import { dropSuperseded, settleKeys } from './superseded.ts'

export type OfflineRoutes = Pick<typeof KEY_ROUTES, OfflineKeyRoute>

/**
 * The keys of a home whose node does not run, by the routes of one that does. From the first change on it holds the
 * home's store, as a node would, so that nobody else changes them meanwhile.
 */
export class OfflineKeys {
  readonly #home: Home
  readonly #handlers: HandlersOf<OfflineRoutes>
  #database: Database | undefined
  #recovery: PreparedRecovery | undefined

  constructor(home: Home) {
    this.#home = home
    const { checkRecovery, exportRotationKey, forgetRotationKey } = homeKeyHandlers(home.path)
    this.#handlers = {
      checkRecovery,
      exportRotationKey,
      forgetRotationKey: async (input, signal) => {
        await this.#hold()
        return await forgetRotationKey(input, signal)
      },
      key: async () => await this.#report(),
      rotate: async (input) => await this.#rotate(input),
      requestRotation: async (input) => await this.#request(input),
      completeRotation: async ({ endorsement, passphrase }) => {
        await this.#hold()
        await commitRotation(home.path, parseEndorsementText(endorsement), passphrase)
        return await this.#reportChange()
      },
      prepareRecovery: async (init) => {
        await this.#hold()
        const at = Date.now()
        const log = forkPoint((await readOwnLog(home.path)).events, at)
        this.#recovery = await prepareRecovery(home.path, { ...init, log, at })
        const { recoveryWords, rotationWords } = this.#recovery
        return { recoveryWords, ...(rotationWords === undefined ? {} : { rotationWords }) }
      },
      commitRecovery: async () => {
        if (this.#recovery === undefined) throw noRotation(home, 'no recovery is prepared')
        await commitRecovery(home.path, this.#recovery)
        return await this.#reportChange()
      },
      retire: async (input) => await this.#retire(input),
      exportKeyLog: async ({ peer }) => {
        if (peer !== undefined) throw notRunning(home, `knows the key log of ${peer}`)
        return reportExport((await readOwnLog(home.path)).events, false)
      },
      drillRotation: async ({ passphrase }) => await this.#drill(passphrase),
    }
  }

  /** As the route of this name. @throws {KithError} as that; `locked` when another process has the home's store */
  async call<N extends keyof OfflineRoutes>(name: N, input: Input<N>): Promise<Output<N>> {
    return await callHandler(this.#handlers, name, input)
  }

  /** Lets go of the store. */
  async close(): Promise<void> {
    await this.#database?.close()
    this.#database = undefined
  }

  async #rotate(
    input: Parameters<HandlersOf<OfflineRoutes>['rotate']>[0],
  ): Promise<Output<'rotate'>> {
    const { path } = this.#home
    const { graceSeconds, lastGoodAt, passphrase, why } = input
    await this.#hold()
    const { draft, rotationKey } = await prepareRotation(path, {
      why,
      graceSeconds,
      passphrase,
      at: Date.now(),
      ...(lastGoodAt === undefined ? {} : { lastGoodAt }),
    })
    if (rotationKey === 'off-host') return { state: 'waiting', rotation: reportRotation(draft) }
    await commitRotation(path, await endorseHere(path, passphrase), passphrase)
    return { state: 'rotated', report: await this.#reportChange() }
  }

  async #request(input: Input<'requestRotation'>): Promise<Output<'requestRotation'>> {
    const { path } = this.#home
    const { passphrase, via } = input
    if (via !== undefined) throw notRunning(this.#home, `could ask ${via}`)
    const draft = await this.#waiting()
    if (draft === undefined) throw noRotation(this.#home, 'no rotation waits for its rotation key')
    const { secret } = await openKeyInUse(path, await readOwnLog(path), passphrase)
    const request = requestText(createRotationRequest(draft, secret))
    return { rotation: reportRotation(draft), request }
  }

  async #retire({ passphrase, words }: Input<'retire'>): Promise<Output<'retire'>> {
    const { path, peers } = this.#home
    await this.#hold()
    const at = Date.now()
    const { id, log } = await retire(path, words === undefined ? { at, passphrase } : { at, words })
    await dropSuperseded(path, at)
    const pins = await readPeers(peers)
    return { id, sn: log.length - 1, peers: pins.map(({ name }) => ({ peer: name, told: false })) }
  }

  /** The rotation that waits for whoever has its rotation key. */
  async #waiting(): Promise<RotationDraft | undefined> {
    const prepared = await preparedRotation(this.#home.path)
    return prepared?.rotationKey === 'off-host' ? prepared.draft : undefined
  }

  async #report(): Promise<KeyReport> {
    const { path, peers } = this.#home
    const { events, state } = await readOwnLog(path)
    const pins = await readPeers(peers)
    return {
      ...reportOwnKeys({
        events,
        state,
        rotationKey: await whereRotationKeyIs(path),
        waiting: await this.#waiting(),
        now: Date.now(),
      }),
      peers: pins.map(({ name }) => ({ peer: name, state: 'unknown', connected: false })),
      requests: [],
    }
  }

  async #reportChange(): Promise<KeyReport> {
    await dropSuperseded(this.#home.path, Date.now())
    return await this.#report()
  }

  async #drill(passphrase: string | undefined): Promise<Output<'drillRotation'>> {
    const { config, path, peers } = this.#home
    const { events } = await readOwnLog(path)
    const pins = await readPeers(peers)
    return drill({
      log: events,
      ...(await openingOf(path, passphrase)),
      waitingSince: (await this.#waiting())?.at,
      lobbyOff: (await readConfig(config, {})).lobby.mode === 'off',
      running: false,
      peers: pins.map(({ addresses, name }) => ({
        name,
        standing: undefined,
        sn: undefined,
        connected: false,
        hasAddress: addresses.length > 0,
        frozen: false,
        retired: false,
        unpinnedUs: false,
      })),
      now: Date.now(),
    })
  }

  /** Waits for nobody: whoever has the store is a node that starts or stops, or another command. */
  async #hold(): Promise<void> {
    if (this.#database !== undefined) return
    const { path, store } = this.#home
    // Nothing is made in a home without a node.
    await readOwnLog(path)
    const { Database } = await import('../../store/database.ts')
    this.#database = await Database.open(store)
    await settleKeys(path, Date.now())
  }
}

function noRotation({ path }: Home, what: string): KithError<'no-rotation'> {
  return new KithError('no-rotation', what, { home: path }, { hint: 'kith key rotate' })
}

function notRunning({ path }: Home, what: string): KithError<'daemon-not-running'> {
  const message = `no node is running in ${path} that ${what}`
  return new KithError('daemon-not-running', message, { home: path }, { hint: 'kith start' })
}
