import type { Logger } from 'pino'
import { toError } from '../protocol/errors.ts'
import { EditedFile } from '../store/edited-file.ts'
import { changedKeys, isHot, setValueAt, valueAt } from './config-keys.ts'
import { configSchema, readConfig, SETTINGS } from './config.ts'
import type { Config } from './config.ts'
import type { SettingReport } from './control/routes/node.ts'
import { listSettings } from './settings.ts'

export interface ConfigWatchInit {
  /** Of config.yaml. */
  path: string
  env: NodeJS.ProcessEnv
  flags: Readonly<Record<string, unknown>>
  /** The one in force: hot keys are changed in it. */
  config: Config
  log: Logger
}

/** Follows config.yaml while a node runs. What cannot be taken now is kept in mind, for those who ask. */
export class ConfigWatch {
  readonly #init: ConfigWatchInit
  #problem: Error | undefined
  #pending: readonly string[] = []
  #taking: Promise<void> = Promise.resolve()
  #stopWatching: () => Promise<void> = async () => undefined

  constructor(init: ConfigWatchInit) {
    this.#init = init
  }

  /** Why the file on disk is not in force, if it is not. */
  get problem(): Error | undefined {
    return this.#problem
  }

  /** Keys that the file has another value for, from the next start on. */
  get pending(): readonly string[] {
    return this.#pending
  }

  /** Every setting, and what is in force until a restart where the file says something else. @throws as `readConfig` */
  async list(): Promise<SettingReport[]> {
    const { config, env, flags, path } = this.#init
    const settings = await listSettings({ config: path }, env, flags)
    return settings.map((setting) => {
      if (!this.#pending.includes(setting.key)) return setting
      return { ...setting, inForce: valueAt(config, setting.key) }
    })
  }

  async start(): Promise<void> {
    const { path } = this.#init
    const file = new EditedFile({ path, schema: configSchema, blank: 'version: 1\n' })
    this.#stopWatching = await file.watch({
      onChange: () => {
        this.#taking = this.#taking.then(() => this.#take())
      },
      onInvalid: (err) => {
        this.#refuse(err)
      },
    })
    await this.#taking
  }

  async stop(): Promise<void> {
    await this.#stopWatching()
    await this.#taking
  }

  async #take(): Promise<void> {
    const { config, env, flags, log, path } = this.#init
    const read = await readConfig(path, env, flags).catch((err: unknown) => {
      this.#refuse(toError(err))
    })
    if (read === undefined) return
    this.#problem = undefined
    const changed = changedKeys(SETTINGS, config, read)
    const hot = changed.filter(isHot)
    for (const key of hot) setValueAt(config, key, valueAt(read, key))
    if (hot.includes('log.level')) log.level = read.log.level
    this.#pending = changed.filter((key) => !isHot(key))
    if (hot.length > 0) log.info({ keys: hot }, 'settings in force')
    if (this.#pending.length > 0) {
      log.warn({ keys: this.#pending }, 'settings wait for a restart')
    }
  }

  #refuse(err: Error): void {
    this.#problem = err
    this.#init.log.error({ err }, 'config file not taken, last good one kept')
  }
}
