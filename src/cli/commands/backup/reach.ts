import type { BackupRoute, Input, Output } from '../../../node/control/api.ts'
import { isFailure } from '../../../protocol/errors.ts'
import type { BackupFiles } from '../../backup-module.ts'
import type { CliContext } from '../../context.ts'

/** The backups of this home: those that the running node knows or, when none runs, those in its store. */
export class Backups {
  readonly #cli: CliContext
  #files: BackupFiles | undefined

  constructor(cli: CliContext) {
    this.#cli = cli
  }

  /** @throws {KithError} as the route; `locked` when a node has the home and does not answer */
  async call<N extends BackupRoute>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
  ): Promise<Output<N>> {
    if (this.#files === undefined) {
      try {
        return await this.#cli.client.call(name, input, signal)
      } catch (err) {
        if (!isFailure(err, 'daemon-not-running')) throw err
      }
      this.#files = await (await this.#cli.backups()).openBackups(this.#cli.home, this.#cli.env)
    }
    return await this.#files.call(name, input, signal)
  }

  /**
   * Makes backups that follow signed ones: a running node has its key, and without one it is opened here. Where it is
   * sealed, `passphrase` is asked for what opens it.
   *
   * @throws {KithError} `passphrase`, `retired`, `corrupt`
   */
  async openKey(passphrase: () => Promise<string | undefined>): Promise<void> {
    await this.call('backups', {})
    await this.#files?.openKey(passphrase)
  }

  async close(): Promise<void> {
    await this.#files?.close()
  }
}

/** What comes of `run` with the backups of this home. What was held for it is let go after it. */
export async function withBackups<T>(
  cli: CliContext,
  run: (backups: Backups) => Promise<T>,
): Promise<T> {
  const backups = new Backups(cli)
  try {
    return await run(backups)
  } finally {
    await backups.close()
  }
}
