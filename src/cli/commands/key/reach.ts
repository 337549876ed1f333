import type { Input, OfflineKeyRoute, Output } from '../../../node/control/api.ts'
import { isFailure } from '../../../protocol/errors.ts'
import type { CliContext, KeyFiles } from '../../context.ts'

/** The keys of this home: those of the running node or, when none runs, those in its files. */
export class Keys {
  readonly #cli: CliContext
  #files: KeyFiles | undefined

  constructor(cli: CliContext) {
    this.#cli = cli
  }

  /** False from the first call on that found no node. */
  get running(): boolean {
    return this.#files === undefined
  }

  /** @throws {KithError} as the route */
  async call<N extends OfflineKeyRoute>(name: N, input: Input<N>): Promise<Output<N>> {
    if (this.#files === undefined) {
      try {
        return await this.#cli.client.call(name, input)
      } catch (err) {
        if (!isFailure(err, 'daemon-not-running')) throw err
      }
      this.#files = await (await this.#cli.offline()).openKeys(this.#cli.home)
    }
    return await this.#files.call(name, input)
  }

  async close(): Promise<void> {
    await this.#files?.close()
  }
}

/** What comes of `run` with the keys of this home. What was held for it is let go after it. */
export async function withKeys<T>(cli: CliContext, run: (keys: Keys) => Promise<T>): Promise<T> {
  const keys = new Keys(cli)
  try {
    return await run(keys)
  } finally {
    await keys.close()
  }
}
