import { KithError } from '../../../protocol/errors.ts'
import type { BackupDesk } from '../../backup/backup-desk.ts'
import type { Job } from '../job.ts'
import type { Result, RunContext } from '../runner.ts'

export interface BackupRunnerComponents {
  backups: Pick<BackupDesk, 'config' | 'create'>
}

/**
 * Makes a backup where the config says, for the recipients that it names: nobody is there to type a passphrase, and
 * none lies on this machine.
 */
export class BackupRunner {
  readonly #components: BackupRunnerComponents

  constructor(components: BackupRunnerComponents) {
    this.#components = components
  }

  /** @throws {KithError} `usage` when the config does not say where or for whom; `corrupt`; as `BackupDesk.create` */
  async run({ name }: Job, { progress }: RunContext, signal: AbortSignal): Promise<Result> {
    const { backups } = this.#components
    const { recipients, to } = backups.config
    if (to === undefined) throw unset('backup.to', 'the folder that backups go to')
    if (recipients.length === 0) {
      throw unset('backup.recipients', 'which kith backup keygen FILE makes')
    }
    progress()
    const request = { to: undefined, lock: undefined, by: name, onProgress: progress }
    const { bytes, file, verified } = await backups.create(request, signal)
    if (verified?.ok === true) return { summary: `${file}, ${bytes} bytes, as it was written` }
    throw new KithError('corrupt', `${file} is damaged: ${verified?.why ?? ''}`, { what: file })
  }
}

function unset(setting: string, what: string): KithError<'usage'> {
  const message = `a job makes no backup without ${setting} in config.yaml, ${what}`
  return new KithError('usage', message, { what: setting })
}
